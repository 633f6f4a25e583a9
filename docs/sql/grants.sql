-- Two roles with the least rights that bulk_pipeline works with on SQL Server.
--
--   bulk_pipeline_owner   for `bulk-pipeline init-db`: creates and upgrades the tables
--   bulk_pipeline_loader  for everything else: loads, withdraws, scores anew
--
-- Run it in the target database as a member of db_owner: once before the first
-- `init-db`, and again after each, since rights to a table need the table. It can be
-- run any number of times, holds no secret and takes nothing away:
--
--   sqlcmd -S HOST -d DATABASE -b -i docs/sql/grants.sql
--
-- Then make users members of a role, in the same database:
--
--   CREATE USER loading FOR LOGIN loading;
--   ALTER ROLE bulk_pipeline_loader ADD MEMBER loading;
--
-- The tables lie in dbo. Whoever keeps them in another schema, as the default schema of
-- those users, replaces dbo below.

SET XACT_ABORT ON;
GO

IF DATABASE_PRINCIPAL_ID(N'bulk_pipeline_owner') IS NULL
    CREATE ROLE bulk_pipeline_owner;
GO

IF DATABASE_PRINCIPAL_ID(N'bulk_pipeline_loader') IS NULL
    CREATE ROLE bulk_pipeline_loader;
GO

-- The staging schema, named by BULK_PIPELINE_STAGING_SCHEMA. The loading role owns it:
-- it may make, fill and drop tables there and nowhere else. Were dbo its owner, a
-- trigger on a staging table would reach every table of dbo by ownership chaining.
IF SCHEMA_ID(N'bulk_pipeline_staging') IS NULL
    EXEC (N'CREATE SCHEMA bulk_pipeline_staging AUTHORIZATION bulk_pipeline_loader');
GO

-- CREATE TABLE alone makes no table: it also takes ALTER on the table's schema, which
-- the loading role has on the staging schema only.
-- https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql#permissions
GRANT CREATE TABLE TO bulk_pipeline_loader;
GO

GRANT CREATE TABLE TO bulk_pipeline_owner;
GO

-- Tables, their indexes and their foreign keys; rows are changed by an upgrade.
GRANT ALTER, REFERENCES, SELECT, INSERT, UPDATE, DELETE
    ON SCHEMA::dbo TO bulk_pipeline_owner;
GO

-- Bulk copy needs no more than this, on the staging tables: the rights of the bcp
-- utility are SELECT and INSERT, and ALTER where a constraint or a trigger is passed
-- over, of which staging tables have none. ADMINISTER BULK OPERATIONS is for the
-- statement BULK INSERT, which has the server read a file.
-- https://learn.microsoft.com/sql/tools/bcp-utility#permissions
-- https://learn.microsoft.com/sql/t-sql/statements/bulk-insert-transact-sql#permissions
--
-- sp_getapplock needs membership in public, which every user has.
-- https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql
IF OBJECT_ID(N'dbo.annual_prediction_history', N'U') IS NOT NULL
    GRANT SELECT, INSERT, UPDATE, DELETE
        ON dbo.annual_prediction_history TO bulk_pipeline_loader;
GO

IF OBJECT_ID(N'dbo.annual_predictions', N'U') IS NOT NULL
    GRANT SELECT, INSERT, UPDATE, DELETE
        ON dbo.annual_predictions TO bulk_pipeline_loader;
GO

IF OBJECT_ID(N'dbo.companies', N'U') IS NOT NULL
    GRANT SELECT, INSERT, UPDATE, DELETE
        ON dbo.companies TO bulk_pipeline_loader;
GO

IF OBJECT_ID(N'dbo.models', N'U') IS NOT NULL
    GRANT SELECT, INSERT, UPDATE, DELETE
        ON dbo.models TO bulk_pipeline_loader;
GO

IF OBJECT_ID(N'dbo.run_metrics', N'U') IS NOT NULL
    GRANT SELECT, INSERT, UPDATE, DELETE
        ON dbo.run_metrics TO bulk_pipeline_loader;
GO

IF OBJECT_ID(N'dbo.uploads', N'U') IS NOT NULL
    GRANT SELECT, INSERT, UPDATE, DELETE
        ON dbo.uploads TO bulk_pipeline_loader;
GO

-- A load only asks which version the tables have; upgrades write it.
IF OBJECT_ID(N'dbo.schema_version', N'U') IS NOT NULL
    GRANT SELECT ON dbo.schema_version TO bulk_pipeline_loader;
GO
