"""Downloads: `fetching` resumes and checks files, `unpacking` extracts archives."""
