//! pilotis-sandbox
