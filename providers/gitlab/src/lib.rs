//! pilotis-gitlab
