//! pilotis-config
