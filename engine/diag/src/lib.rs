//! pilotis-diag
