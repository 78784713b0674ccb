//! pilotis-kubernetes
