//! Puts the faces together and serves them.

use crate::admin::{self, Admin, Backups};
use crate::edge::{Edge, EdgeSettings, Face, Routes};
use crate::pages::{AlwaysWell, Health, PageSettings, Pages};
use crate::rest::batch::BatchFace;
use crate::rest::{Authenticate, Rest, RestService, RestSettings};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// Settings of everything that speaks HTTP.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    pub edge: EdgeSettings,
    pub rest: RestSettings,
    pub pages: PageSettings,
}

/// What the faces work with.
pub struct HttpParts {
    pub service: Arc<dyn RestService>,
    pub authenticate: Arc<dyn Authenticate>,
    /// `None`: well as long as it answers.
    pub health: Option<Arc<dyn Health>>,
    /// `None`: there are no copies to be had.
    pub backups: Option<Arc<dyn Backups>>,
    /// Faces of other crates and the path that each has (`/auth/v1`).
    pub faces: Vec<(String, Arc<dyn Face>)>,
}

/// Builds the face; [`HttpFace::serve`] starts it.
pub fn build(settings: HttpSettings, parts: HttpParts) -> HttpFace {
    let rest = Rest::new(settings.rest.clone(), parts.service, Arc::clone(&parts.authenticate));
    let health = parts.health.unwrap_or_else(|| Arc::new(AlwaysWell));
    let pages = Arc::new(Pages::new(settings.pages, Arc::clone(&rest), health));
    let batch = Arc::new(BatchFace(Arc::clone(&rest)));
    let mut routes = Routes::new(pages)
        .mount(format!("{}/batch", settings.rest.mount), batch)
        .mount(settings.rest.mount.clone(), rest);
    if let Some(backups) = parts.backups {
        let admin = Admin::new(backups, parts.authenticate, settings.rest.anonymous_role);
        routes = routes.mount(admin::MOUNT, Arc::new(admin));
    }
    for (prefix, face) in parts.faces {
        routes = routes.mount(prefix, face);
    }
    HttpFace { edge: settings.edge, routes }
}

/// All faces, ready to be served.
pub struct HttpFace {
    edge: EdgeSettings,
    routes: Routes,
}

impl HttpFace {
    /// Serves on listeners that are bound already; see [`crate::edge::bind`].
    pub fn serve(self, listeners: Vec<TcpListener>) -> io::Result<Running> {
        Ok(Running { edge: Edge::serve(listeners, self.edge, self.routes)? })
    }
}

/// Faces that are being served. Dropping this stops them at once.
pub struct Running {
    edge: Edge,
}

impl Running {
    pub fn addresses(&self) -> &[SocketAddr] {
        self.edge.addresses()
    }

    /// Connections open now.
    pub fn connections(&self) -> usize {
        self.edge.connections()
    }

    /// Lets requests under way finish for at most `within`, closes idle connections, then returns.
    pub async fn drain(self, within: Duration) {
        self.edge.drain(within).await;
    }
}
