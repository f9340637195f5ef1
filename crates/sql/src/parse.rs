//! PostgreSQL's own grammar (`pg_query`): text to raw parse trees with places.
