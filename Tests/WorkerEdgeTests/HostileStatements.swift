@testable import WorkerEdge

/// Texts that try to write, to read what they must not, or never to end, by kind. `held` names the layers that hold every text of
/// the group when all other layers are off.
struct HostileGroup: CustomStringConvertible {
    let name: String
    let held: Confinement
    let statements: [String]

    var description: String { self.name }

    static let writes = HostileGroup(
        name: "writes", held: [.readOnlyOpen, .queryOnly, .authorizer, .statementChecks, .shadow],
        statements: [
            "INSERT INTO secret VALUES (9, 'x')",
            "INSERT INTO main.secret(id) SELECT max(id) + 1 FROM secret",
            "INSERT OR REPLACE INTO secret VALUES (1, 'x')",
            "INSERT INTO secret VALUES (1, 'x') ON CONFLICT(id) DO UPDATE SET value = 'x'",
            "INSERT INTO items(id, name, price) VALUES (10, 'x', 1) RETURNING id",
            "INSERT INTO items DEFAULT VALUES",
            "REPLACE INTO items(id, name) VALUES (1, 'gone')",
            "UPDATE items SET price = 0",
            "UPDATE items SET price = 0 RETURNING *",
            "UPDATE OR IGNORE secret SET value = 'x' WHERE id = 1",
            "UPDATE items SET name = s.value FROM secret s",
            "DELETE FROM items",
            "DELETE FROM items WHERE id = 1 RETURNING id, name",
            "DELETE FROM secret WHERE rowid IN (SELECT rowid FROM secret)",
            "WITH gone AS (SELECT 1 AS id) DELETE FROM items WHERE id IN gone",
            "WITH RECURSIVE n(i) AS (SELECT 20 UNION ALL SELECT i + 1 FROM n LIMIT 5) INSERT INTO items(id) SELECT i FROM n",
            "with x as (select 1) update items set price = 1",
            "/* SELECT */ DELETE FROM items",
            "-- SELECT\nDELETE FROM items",
            "  \t\n DeLeTe FrOm items",
            ";DELETE FROM items",
            "INSERT INTO goods(id) VALUES (1)",
            "DELETE FROM goods",
        ])

    static let definitions = HostileGroup(
        name: "definitions", held: [.readOnlyOpen, .queryOnly, .authorizer, .statementChecks, .shadow],
        statements: [
            "CREATE TABLE t(a)",
            "CREATE TABLE IF NOT EXISTS t AS SELECT * FROM secret",
            "CREATE VIEW v AS SELECT value FROM secret",
            "CREATE INDEX i ON items(name)",
            "CREATE UNIQUE INDEX i ON secret(value)",
            "CREATE TRIGGER tr AFTER INSERT ON items BEGIN DELETE FROM secret; END",
            "CREATE TRIGGER tr INSTEAD OF INSERT ON goods BEGIN SELECT 1; END",
            "CREATE VIRTUAL TABLE f USING fts5(a)",
            "CREATE VIRTUAL TABLE f USING fts3(a, tokenize=simple)",
            "CREATE VIRTUAL TABLE r USING rtree(id, a, b)",
            "CREATE VIRTUAL TABLE d USING dbstat",
            "DROP TABLE items",
            "DROP TABLE IF EXISTS secret",
            "DROP VIEW goods",
            "DROP INDEX IF EXISTS items_by_name",
            "ALTER TABLE items RENAME TO things",
            "ALTER TABLE items RENAME COLUMN name TO n",
            "ALTER TABLE items ADD COLUMN c DEFAULT 'x'",
            "ALTER TABLE items DROP COLUMN price",
            "ANALYZE",
            "ANALYZE items",
            "REINDEX items",
            "UPDATE sqlite_schema SET sql = 'x'",
            "DELETE FROM sqlite_master",
            "INSERT INTO sqlite_sequence VALUES ('a', 1)",
        ])

    static let temporary = HostileGroup(
        name: "temporary objects", held: [.authorizer, .statementChecks, .shadow],
        statements: [
            "CREATE TEMP TABLE t(a)",
            "CREATE TEMPORARY TABLE goods(id, name)",
            "CREATE TEMP TABLE goods AS SELECT value AS id FROM secret",
            "CREATE TEMP VIEW goods AS SELECT value FROM secret",
            "CREATE TEMP VIEW IF NOT EXISTS v AS SELECT * FROM main.secret",
            "CREATE TEMP TRIGGER tr AFTER UPDATE ON items BEGIN SELECT 1; END",
            "CREATE TABLE temp.t(a)",
            "CREATE VIRTUAL TABLE temp.s USING fts5vocab(a, row)",
        ])

    static let attaching = HostileGroup(
        name: "attaching", held: [.authorizer, .limits, .shadow],
        statements: [
            "ATTACH 'other.db' AS o",
            "ATTACH DATABASE 'other.db' AS o",
            "attach 'file:other.db?mode=rwc' as o",
            "ATTACH 'file:other.db?mode=ro&immutable=1' AS o",
            "ATTACH ':memory:' AS m",
            "ATTACH '' AS m",
            "ATTACH 'new.db' AS n",
            "ATTACH 'file:new.db?mode=rwc' AS n",
            "ATTACH (SELECT 'other.db') AS o",
            "ATTACH '/etc/passwd' AS p",
            "ATTACH '/dev/stdin' AS p",
            "ATTACH CAST(x'6F746865722E6462' AS TEXT) AS o",
            "/**/ATTACH/**/'other.db'/**/AS/**/o",
        ])

    static let vacuuming = HostileGroup(
        name: "vacuuming", held: [.authorizer, .statementChecks, .shadow],
        statements: [
            "VACUUM",
            "VACUUM main",
            "VACUUM INTO 'copy.db'",
            "VACUUM main INTO 'copy.db'",
            "VACUUM INTO 'file:copy.db?mode=rwc'",
            "VACUUM INTO 'copy' || '.db'",
            "VACUUM INTO (SELECT 'copy.db')",
        ])

    static let pragmas = HostileGroup(
        name: "pragmas", held: [.authorizer, .shadow],
        statements: [
            "PRAGMA query_only=0",
            "PRAGMA query_only",
            "PRAGMA writable_schema=ON",
            "PRAGMA writable_schema=RESET",
            "PRAGMA journal_mode=WAL",
            "PRAGMA journal_mode=DELETE",
            "PRAGMA journal_mode",
            "PRAGMA user_version=7",
            "PRAGMA application_id=7",
            "PRAGMA schema_version=99",
            "PRAGMA schema_version",
            "PRAGMA database_list",
            "PRAGMA table_list",
            "PRAGMA table_info(secret)",
            "PRAGMA table_xinfo('secret')",
            "PRAGMA index_list(items)",
            "PRAGMA foreign_key_list(items)",
            "PRAGMA function_list",
            "PRAGMA module_list",
            "PRAGMA pragma_list",
            "PRAGMA collation_list",
            "PRAGMA compile_options",
            "PRAGMA temp_store_directory='/tmp'",
            "PRAGMA data_store_directory='/tmp'",
            "PRAGMA temp_store=FILE",
            "PRAGMA mmap_size=268435456",
            "PRAGMA cache_size=-1000000",
            "PRAGMA hard_heap_limit=0",
            "PRAGMA soft_heap_limit=0",
            "PRAGMA trusted_schema=ON",
            "PRAGMA cell_size_check=OFF",
            "PRAGMA locking_mode=EXCLUSIVE",
            "PRAGMA wal_checkpoint(TRUNCATE)",
            "PRAGMA incremental_vacuum",
            "PRAGMA optimize",
            "PRAGMA integrity_check",
            "PRAGMA quick_check(secret)",
            "PRAGMA case_sensitive_like=ON",
            "PRAGMA main.page_size=512",
            "PRAGMA threads=8",
            "PRAGMA busy_timeout=100000000",
            "PRAGMA recursive_triggers=ON",
            "PRAGMA data_version=1",
        ])

    static let transactions = HostileGroup(
        name: "transactions", held: [.authorizer, .shadow],
        statements: [
            "BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "COMMIT", "END", "ROLLBACK", "SAVEPOINT s", "RELEASE s",
            "ROLLBACK TO s", "DETACH main", "DETACH temp", "begin deferred transaction",
        ])

    /// With views only allowed: the same data by a way around the views. The authorizer alone cannot hold these: it must let the
    /// views themselves read their tables, and a common table expression can forge a view's name.
    static let baseTables = HostileGroup(
        name: "base tables", held: [.shadow],
        statements: [
            "SELECT * FROM secret",
            "SELECT value FROM main.secret",
            "SELECT value FROM \"secret\"",
            "SELECT value FROM [secret]",
            "SELECT value FROM `secret`",
            "SELECT value FROM SECRET",
            "SELECT value FROM Secret AS goods",
            "SELECT s.value FROM secret s",
            "SELECT count(*) FROM secret",
            "SELECT 1 FROM secret",
            "SELECT rowid FROM secret",
            "SELECT _rowid_, oid FROM secret",
            "SELECT EXISTS (SELECT 1 FROM secret WHERE value LIKE 'C%')",
            "SELECT (SELECT value FROM secret)",
            "SELECT * FROM (SELECT * FROM secret) AS goods",
            "SELECT * FROM goods WHERE id IN (SELECT id FROM secret)",
            "SELECT * FROM goods WHERE id IN secret",
            "SELECT * FROM goods JOIN secret USING (id)",
            "SELECT * FROM goods, secret",
            "SELECT * FROM goods LEFT JOIN secret ON 1",
            "SELECT * FROM goods UNION SELECT * FROM secret",
            "SELECT * FROM goods UNION ALL SELECT id, value FROM secret",
            "SELECT * FROM goods EXCEPT SELECT id, value FROM secret",
            "WITH goods AS (SELECT * FROM secret) SELECT * FROM goods",
            "WITH goods AS (SELECT value AS name FROM secret) SELECT name FROM goods",
            """
            WITH RECURSIVE goods(id, name) AS (SELECT id, value FROM secret UNION SELECT id + 1, name FROM goods LIMIT 3) \
            SELECT * FROM goods
            """,
            "WITH goods AS MATERIALIZED (SELECT * FROM secret) SELECT * FROM goods",
            "WITH goods AS NOT MATERIALIZED (SELECT * FROM secret) SELECT * FROM goods",
            "WITH goods AS (SELECT * FROM main.secret) SELECT * FROM goods, main.goods",
            "WITH a AS (WITH goods AS (SELECT * FROM secret) SELECT * FROM goods) SELECT * FROM a",
            "SELECT * FROM (WITH goods AS (SELECT value FROM secret) SELECT * FROM goods)",
            "SELECT name FROM goods ORDER BY (SELECT value FROM secret)",
            "SELECT name FROM goods GROUP BY (SELECT value FROM secret)",
            "SELECT name FROM goods LIMIT (SELECT count(*) FROM secret)",
            "SELECT max((SELECT value FROM secret)) OVER () FROM goods",
            "SELECT CASE WHEN (SELECT value FROM secret) LIKE 'CANARY%' THEN 1 ELSE 0 END",
            "VALUES ((SELECT value FROM secret))",
            "SELECT * FROM items",
            "SELECT price FROM items WHERE id = 1",
            "SELECT json_group_array(value) FROM secret",
            "SELECT group_concat(value) FILTER (WHERE 1) FROM secret",
            "SELECT value FROM secret INDEXED BY nothing",
            "SELECT value FROM secret NOT INDEXED",
        ])

    static let schemaTables = HostileGroup(
        name: "schema tables", held: [.authorizer, .shadow],
        statements: [
            "SELECT * FROM sqlite_schema",
            "SELECT sql FROM sqlite_master",
            "SELECT sql FROM main.sqlite_schema",
            "SELECT sql FROM \"sqlite_master\"",
            "SELECT sql FROM SQLITE_MASTER",
            "SELECT count(*) FROM sqlite_schema",
            "SELECT 1 FROM sqlite_schema",
            "SELECT * FROM sqlite_temp_schema",
            "SELECT * FROM sqlite_temp_master",
            "SELECT * FROM temp.sqlite_master",
            "SELECT * FROM sqlite_sequence",
            "SELECT * FROM sqlite_stat1",
            "WITH goods AS (SELECT sql FROM sqlite_schema) SELECT * FROM goods",
            "SELECT * FROM goods UNION SELECT name, sql FROM sqlite_schema",
            "SELECT (SELECT group_concat(sql) FROM sqlite_schema)",
            "SELECT name FROM goods WHERE EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'secret')",
        ])

    static let tableFunctions = HostileGroup(
        name: "table-valued functions", held: [.authorizer, .shadow],
        statements: [
            "SELECT * FROM pragma_database_list",
            "SELECT file FROM pragma_database_list()",
            "SELECT count(*) FROM pragma_database_list",
            "SELECT * FROM pragma_table_list",
            "SELECT * FROM pragma_table_info('secret')",
            "SELECT name FROM pragma_table_xinfo('secret', 'main')",
            "SELECT * FROM pragma_function_list",
            "SELECT * FROM pragma_module_list",
            "SELECT * FROM pragma_compile_options",
            "SELECT * FROM goods, pragma_table_info('secret')",
            "WITH goods AS (SELECT file AS name FROM pragma_database_list) SELECT * FROM goods",
            "SELECT * FROM dbstat",
            "SELECT count(*) FROM dbstat",
            "SELECT 1 FROM dbstat WHERE name = 'secret'",
            "SELECT * FROM sqlite_stmt",
            "SELECT count(*) FROM sqlite_stmt",
            "SELECT * FROM fts3tokenize('simple', 'a b')",
            "SELECT * FROM generate_series(1, 1000000000)",
            "SELECT * FROM fsdir('/')",
            "SELECT * FROM bytecode('SELECT 1')",
            "SELECT * FROM tables_used('SELECT 1')",
            "SELECT * FROM sqlite_dbpage",
            "SELECT * FROM sqlite_dbdata",
        ])

    static let functions = HostileGroup(
        name: "functions", held: [.authorizer, .shadow],
        statements: [
            "SELECT load_extension('./evil')",
            "SELECT load_extension('./evil', 'init')",
            "SELECT writefile('out.txt', 'x')",
            "SELECT readfile('/etc/passwd')",
            "SELECT edit('x')",
            "SELECT fts3_tokenizer('simple')",
            "SELECT fts3_tokenizer('x', x'0000000000000000')",
            "SELECT randomblob(16)",
            "SELECT zeroblob(16)",
            "SELECT sqlite_version()",
            "SELECT sqlite_source_id()",
            "SELECT sqlite_compileoption_get(0)",
            "SELECT sqlite_compileoption_used('USE_URI')",
            "SELECT sqlite_log(1, 'x')",
            "SELECT last_insert_rowid()",
            "SELECT changes()",
            "SELECT total_changes()",
            "SELECT sqlite_offset(name) FROM goods",
            "SELECT fts5(x'00')",
            "SELECT fts5_source_id()",
            "SELECT rtreecheck('x')",
            "SELECT rtreenode(1, 'x')",
            "SELECT optimize(name) FROM goods",
            "SELECT LOAD_EXTENSION('./evil')",
            "SELECT name FROM goods WHERE load_extension(name)",
            "SELECT name FROM goods ORDER BY randomblob(10)",
        ])

    static let shapes = HostileGroup(
        name: "shapes", held: [.statementChecks, .shadow],
        statements: [
            "", " ", ";", "-- only a comment", "/* only a comment */", ";;;",
            "SELECT 1; SELECT 2",
            "SELECT 1; DELETE FROM items",
            "SELECT 1;;SELECT 2",
            "SELECT 1; -- x\nSELECT 2",
            "SELECT 1; /* x */ ATTACH 'other.db' AS o",
            "SELECT 1; garbage",
            "SELECT 1; '",
            "EXPLAIN SELECT * FROM goods",
            "EXPLAIN QUERY PLAN SELECT * FROM goods",
            "explain select 1",
            "SELECT ?",
            "SELECT :a",
            "SELECT @a, $b",
            "SELECT ?1, ?100",
        ])

    /// A double-quoted word that is no column would become a string, and a typing error a wrong answer.
    static let quotedStrings = HostileGroup(
        name: "double-quoted strings", held: [.switches, .shadow],
        statements: [
            "SELECT \"nothing\"",
            "SELECT name FROM goods WHERE name = \"nothing\"",
            "SELECT id FROM goods ORDER BY \"nothing\"",
            "SELECT \"nothing\" || 'x' FROM goods",
        ])

    static let all: [HostileGroup] = [
        .writes, .definitions, .temporary, .attaching, .vacuuming, .pragmas, .transactions, .baseTables, .schemaTables,
        .tableFunctions, .functions, .shapes, .quotedStrings, .sizes, .endless,
    ]
}
