//! pilotis-plan
