-- The database of compose.yaml and a login for each role of grants.sql. Run by a
-- sysadmin. Passwords come from the environment, from which sqlcmd takes its variables:
--
--   OWNER_PASSWORD=... LOADER_PASSWORD=... sqlcmd -S HOST -b -i docs/sql/logins.sql
--
-- A password must have no single quote: sqlcmd pastes it into the text below. Run it
-- again to give both logins the passwords of the environment.

IF DB_ID(N'bulk_pipeline') IS NULL
    CREATE DATABASE bulk_pipeline;
GO

IF SUSER_ID(N'bulk_pipeline_owning') IS NULL
    CREATE LOGIN bulk_pipeline_owning WITH PASSWORD = N'$(OWNER_PASSWORD)';
ELSE
    ALTER LOGIN bulk_pipeline_owning WITH PASSWORD = N'$(OWNER_PASSWORD)';
GO

IF SUSER_ID(N'bulk_pipeline_loading') IS NULL
    CREATE LOGIN bulk_pipeline_loading WITH PASSWORD = N'$(LOADER_PASSWORD)';
ELSE
    ALTER LOGIN bulk_pipeline_loading WITH PASSWORD = N'$(LOADER_PASSWORD)';
GO
