SELECT version_num AS version FROM schema_version
