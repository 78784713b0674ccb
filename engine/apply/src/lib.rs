//! pilotis-apply
