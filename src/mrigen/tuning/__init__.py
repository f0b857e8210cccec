"""Search for better parameters: spaces, shared studies, proposals, pictures and pages of them."""
