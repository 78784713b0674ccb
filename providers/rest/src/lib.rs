//! pilotis-rest
