import Base
import CSQLite
import Linux
import Testing
import WorkerCore

@testable import WorkerEdge

@Suite struct DatabaseSessionTests {
    private func scratch(_ statements: [String]) throws -> Scratch {
        let scratch = try Scratch()
        try scratch.makeDatabase("d.db", statements)
        return scratch
    }

    private static let items = [
        "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT)", "INSERT INTO items VALUES (1, 'a'), (2, 'b')",
        "CREATE VIEW v AS SELECT id, name FROM items",
    ]

    @Test func `a change of the schema is followed at the next read`() throws {
        let scratch = try self.scratch(Self.items)
        let lane = Lane(.single(scratch.file("d.db")))
        #expect(lane.queryView("v").answer.contains("[1,\"a\"]"))
        #expect(lane.execute("SELECT * FROM v").answer.contains("[1,\"a\"]"))
        lane.endReads()
        let writer = try SQLiteConnection(creating: bytes(scratch.file("d.db")))
        try writer.run("DROP VIEW v")
        try writer.run("CREATE VIEW v AS SELECT name AS label FROM items")
        try writer.run("CREATE VIEW w AS SELECT 7 AS seven")
        #expect(
            lane.queryView("v").answer.contains("\"columns\":[{\"name\":\"label\",\"type\":\"TEXT\"}],\"rows\":[[\"a\"],[\"b\"]]")
        )
        #expect(lane.execute("SELECT * FROM v").answer.contains("[[\"a\"],[\"b\"]]"))
        #expect(lane.execute("SELECT id FROM v").isRefused)
        #expect(lane.queryView("w").rows == 1)
        lane.endReads()
        try writer.run("DROP VIEW w")
        #expect(lane.queryView("w").isRefused)
    }

    @Test func `a writer gets the file as soon as reading has ended`() throws {
        let scratch = try self.scratch(Self.items)
        let lane = Lane(.single(scratch.file("d.db")))
        let writer = try SQLiteConnection(creating: bytes(scratch.file("d.db")))
        #expect(lane.queryView("v").rows == 2)
        #expect(throws: SQLiteError.self) { try writer.run("INSERT INTO items VALUES (3, 'c')") }
        lane.endReads()
        try writer.run("INSERT INTO items VALUES (3, 'c')")
        #expect(lane.queryView("v").rows == 3)
    }

    @Test func `a database in WAL mode is read`() throws {
        let scratch = try self.scratch(Self.items)
        let writer = try SQLiteConnection(creating: bytes(scratch.file("d.db")))
        try writer.run("PRAGMA journal_mode=WAL")
        try writer.run("INSERT INTO items VALUES (3, 'c')")
        let lane = Lane(.single(scratch.file("d.db")))
        #expect(lane.queryView("v").rows == 3)
        try writer.run("INSERT INTO items VALUES (4, 'd')")
        lane.endReads()
        #expect(lane.queryView("v").rows == 4)
    }

    @Test func `what is no database is not available, and its path is not told`() throws {
        let scratch = try Scratch("secret-path")
        try Files.writeAtomically(scratch.file("text.db"), bytes(String(repeating: "no database ", count: 100)).span)
        try Files.writeAtomically(scratch.file("empty.db"), [UInt8]().span)
        for name in ["missing.db", "text.db", "."] {
            let attempt = Lane(.single(scratch.file(name))).queryView("v")
            #expect(attempt.failure == .unavailable, "\(name)")
            #expect(!attempt.answer.contains("secret-path"))
        }
        // An empty file is an empty database.
        #expect(Lane(.single(scratch.file("empty.db"))).queryView("v").failure == .unknownView(name: bytes("v"), near: []))
        #expect(scratch.files() == ["empty.db", "text.db"])
    }

    @Test func `a wide table and a long view of the owner are readable`() throws {
        let columns = (0..<150).map { "c\($0)" }.joined(separator: ", ")
        let scratch = try self.scratch([
            "CREATE TABLE wide(\(columns))", "INSERT INTO wide(c0) VALUES (1)",
            "CREATE VIEW many AS SELECT max(1, 2, 3, 4, 5, 6, 7, 8, 9, 10) AS m",
        ])
        let lane = Lane(.single(scratch.file("d.db")))
        #expect(lane.queryView("wide").rows == 1)
        #expect(lane.queryView("many").answer.contains("[[10]]"))
        #expect(lane.execute("SELECT c149 FROM wide").rows == 1)
        #expect(lane.execute("SELECT max(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)").isRefused)
    }

    @Test func `a broken view is named as such and spoils nothing else`() throws {
        let scratch = try self.scratch(
            Self.items + ["CREATE VIEW bad AS SELECT x FROM missing", "CREATE VIEW bad2 AS SELECT nofunction(1)"])
        let lane = Lane(.single(scratch.file("d.db")))
        #expect(lane.queryView("bad").failure == .brokenView(name: bytes("bad")))
        #expect(lane.queryView("v").rows == 2)
        #expect(lane.execute("SELECT * FROM v").rows == 2)
        #expect(lane.execute("SELECT * FROM bad").isRefused)
    }

    @Test func `names with quotes, spaces and other scripts work`() throws {
        let scratch = try self.scratch([
            "CREATE TABLE \"odd \"\"name\"\"\"(\"a b\", \"select\", \"ü\")", "INSERT INTO \"odd \"\"name\"\"\" VALUES (1, 2, 3)",
            "CREATE VIEW \"größe\" AS SELECT \"ü\" AS \"x\"\"y\" FROM \"odd \"\"name\"\"\"",
        ])
        let lane = Lane(.single(scratch.file("d.db")))
        #expect(lane.queryView("odd \"name\"").rows == 1)
        #expect(lane.queryView("größe").answer.contains("x\\\"y"))
        #expect(lane.execute("SELECT \"a b\", \"select\" FROM \"odd \"\"name\"\"\"").rows == 1)
        // NFD is another name.
        #expect(lane.queryView("gro\u{0308}ße").isRefused)
    }

    @Test func `full-text tables, their storage and views over them are not offered`() throws {
        let scratch = try self.scratch([
            "CREATE VIRTUAL TABLE notes USING fts5(title, body)",
            "INSERT INTO notes VALUES ('one', 'first text'), ('two', 'second')",
            "CREATE VIEW found AS SELECT title FROM notes WHERE notes MATCH 'text'", "CREATE VIEW plain AS SELECT 1 AS one",
        ])
        let lane = Lane(.single(scratch.file("d.db")))
        #expect(lane.queryView("found").failure == .brokenView(name: bytes("found")))
        for table in ["notes", "notes_content", "notes_data", "notes_config"] {
            #expect(lane.queryView(table).isRefused)
            #expect(lane.execute("SELECT * FROM \(table)").isRefused)
        }
        #expect(lane.queryView("plain").rows == 1)
    }

    @Test(arguments: [
        ("SELECT * FROM pragma_table_info('items')", "pragma_table_info"),
        ("SELECT count(*) FROM pragma_function_list", "pragma_function_list"),
        ("SELECT v.id, p.name FROM v, main.PRAGMA_table_xinfo('v') p", "PRAGMA_table_xinfo"),
        ("WITH x AS (SELECT name FROM pragma_database_list) SELECT * FROM x", "pragma_database_list"),
        ("SELECT * FROM dbstat", "dbstat"),
    ])
    func `a table-valued function that is not available is named`(_ query: String, _ name: String) throws {
        let scratch = try self.scratch(Self.items)
        let lane = Lane(.single(scratch.file("d.db")))
        // The first time the engine makes it, the second time it is there.
        for _ in 0..<2 {
            let outcome = lane.execute(query)
            #expect(outcome.failure == .tableFunctionDenied(name: bytes(name)))
            #expect(outcome.answer.contains("describe_view"))
        }
        #expect(lane.execute("INSERT INTO items(id, name) SELECT 9, name FROM pragma_database_list").failure == .notReadOnly)
    }

    @Test func `more distinct queries than are kept still run`() throws {
        let scratch = try self.scratch(Self.items)
        let lane = Lane(.single(scratch.file("d.db")))
        for round in 0..<2 {
            for number in 0..<80 { #expect(lane.execute("SELECT \(number) FROM v").rows == 2, "\(round) \(number)") }
        }
    }

    @Test func `results end at the limits and say so`() throws {
        let scratch = try self.scratch([
            "CREATE TABLE t(x)",
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) INSERT INTO t SELECT \
            printf('%01000d', i) FROM n
            """,
            "CREATE TABLE big(x)", "INSERT INTO big VALUES (printf('%0900000d', 1))",
            "CREATE TABLE huge(x)", "INSERT INTO huge VALUES (zeroblob(3000000))",
        ])
        var configuration = SQLConfiguration.single(scratch.file("d.db"))
        configuration.limits.resultBytesMax = 20_000
        let lane = Lane(configuration)
        #expect(lane.execute("SELECT x FROM t", limit: 5).answer.contains("\"truncatedBy\":\"limit\""))
        #expect(lane.execute("SELECT x FROM t", limit: 50).answer.contains("\"truncatedBy\":\"size\""))
        #expect(lane.execute("SELECT 1 FROM t", limit: 50).answer.contains("\"truncated\":false"))
        #expect(lane.execute("SELECT x FROM big").failure == .rowTooLarge(bytesMax: 20_000))
        #expect(lane.execute("SELECT x FROM huge").failure == .valueTooLarge)
        #expect(lane.execute("SELECT length(x) FROM t LIMIT 1").rows == 1)
    }

    @Test func `a cancelled call stops, and the next one runs`() throws {
        let scratch = try self.scratch(Self.items)
        let lane = Lane(.single(scratch.file("d.db"), queryTime: .seconds(30)))
        let control = lane.control
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        for round in 0..<10 {
            lane.begin()
            // Before, while or after it is compiled: it is never lost.
            if round == 0 { control.cancel() } else { try Thread.start(stackBytes: 256 << 10) { control.cancel() } }
            #expect(lane.continued(Lane.call(endless)).failure == .cancelled)
            #expect(lane.queryView("v").rows == 2)
        }
    }

    @Test func `an interrupt that comes late spoils nothing`() throws {
        let scratch = try self.scratch(Self.items)
        let lane = Lane(.single(scratch.file("d.db")))
        #expect(lane.queryView("v").rows == 2)
        for _ in 0..<20 {
            lane.control.interrupt()
            #expect(lane.queryView("v").rows == 2)
        }
    }

    @Test func `rows are counted while a call runs`() throws {
        let scratch = try self.scratch(Self.items)
        let lane = Lane(.single(scratch.file("d.db")))
        _ = lane.queryView("v")
        #expect(lane.control.rows == 2)
    }

    @Test(arguments: [
        ("%d%%", true), ("%c", true), ("%.5c", false), ("%-08.*c", false), ("%.3f %s", true), ("%", true), ("%.", true),
        ("", true),
    ])
    func `only a precision on c is unbounded`(_ format: String, _ isBounded: Bool) {
        #expect(BoundedFunctions.isFormatBounded(bytes(format).span) == isBounded)
    }
}
