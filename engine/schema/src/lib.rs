//! pilotis-schema
