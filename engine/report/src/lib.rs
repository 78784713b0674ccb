//! pilotis-report
