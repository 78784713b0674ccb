//! pilotis-sdk
