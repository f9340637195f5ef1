//! Templates that lie in the application's folder. They are read each time: an edit counts at once.

use mainstay_identity::mail::Templates;
use std::path::PathBuf;

pub(super) struct Folder(pub PathBuf);

impl Templates for Folder {
    fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.0.join(format!("{name}.html"))).ok()
    }
}
