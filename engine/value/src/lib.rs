//! pilotis-value
