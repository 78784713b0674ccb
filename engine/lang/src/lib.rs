//! pilotis-lang
