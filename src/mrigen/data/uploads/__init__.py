"""Files from people unknown, in memory: every size checked before anything is decoded."""
