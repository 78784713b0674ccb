//! pilotis-syntax
