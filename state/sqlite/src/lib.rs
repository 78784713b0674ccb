//! pilotis-state-sqlite
