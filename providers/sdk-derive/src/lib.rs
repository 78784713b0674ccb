//! pilotis-sdk-derive
