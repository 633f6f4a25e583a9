-- Users for the logins of logins.sql, each in its role of grants.sql. Run it in the
-- target database after both:
--
--   sqlcmd -S HOST -d bulk_pipeline -b -i docs/sql/users.sql

IF DATABASE_PRINCIPAL_ID(N'bulk_pipeline_owning') IS NULL
    CREATE USER bulk_pipeline_owning FOR LOGIN bulk_pipeline_owning;
GO

IF DATABASE_PRINCIPAL_ID(N'bulk_pipeline_loading') IS NULL
    CREATE USER bulk_pipeline_loading FOR LOGIN bulk_pipeline_loading;
GO

ALTER ROLE bulk_pipeline_owner ADD MEMBER bulk_pipeline_owning;
GO

ALTER ROLE bulk_pipeline_loader ADD MEMBER bulk_pipeline_loading;
GO
