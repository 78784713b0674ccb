//! pilotis-state
