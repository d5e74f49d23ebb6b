import Base
import Testing
import WorkerCore

@Suite struct WorkerCommandTests {
    @Test func `sql takes its databases and limits`() throws {
        let command = try WorkerCommand.parse([
            "sql", "--database", "sample=sqlite:///var/lib/s.db", "--database=two=sqlite:///a%20b/c%3D.db", "--query-time",
            "250ms",
            "--rows-max=50", "--result-bytes-max", "64K", "--memory-max", "32M", "--concurrency", "2", "--access", "views",
        ])
        var expected = SQLConfiguration()
        expected.databases = [
            DatabaseConfiguration(name: Array("sample".utf8), path: Array("/var/lib/s.db".utf8)),
            DatabaseConfiguration(name: Array("two".utf8), path: Array("/a b/c=.db".utf8)),
        ]
        expected.limits.queryTime = .milliseconds(250)
        expected.limits.rowsMax = 50
        expected.limits.resultBytesMax = 64 << 10
        expected.limits.memoryMax = 32 << 20
        expected.limits.concurrency = 2
        expected.access = .views
        #expect(command == .sql(expected))
    }

    @Test func `defaults are those of the help`() throws {
        #expect(try WorkerCommand.parse(["sql"]) == .sql(SQLConfiguration()))
        #expect(try WorkerCommand.parse(["sample", "/tmp/x"]) == .sample(path: Array("/tmp/x".utf8)))
        #expect(try WorkerCommand.parse(["--version"]) == .version)
        #expect(try WorkerCommand.parse(["sql", "--help"]) == .help)
    }

    static let refusals: [[String]] = [
        [], ["serve"], ["sample"], ["sample", "a", "b"], ["sql", "x"], ["sql", "--database"], ["sql", "--database", "x"],
        ["sql", "--database", "x=/path"], ["sql", "--database", "x=sqlite://relative"], ["sql", "--database", "=sqlite:///p"],
        ["sql", "--database", "x=sqlite:///a%00b"], ["sql", "--database", "x=sqlite:///a%2"],
        ["sql", "--database", "a b=sqlite:///p"], ["sql", "--database", "x=postgresql:///p"],
        ["sql", "--database", "x=sqlite:///p", "--database", "x=sqlite:///q"], ["sql", "--access", "none"],
        ["sql", "--query-time", "0s"], ["sql", "--query-time", "2h"], ["sql", "--query-time", "61m"], ["sql", "--rows-max", "0"],
        ["sql", "--concurrency", "65"], ["sql", "--memory-max", "1K"], ["sql", "--result-bytes-max", "10"],
        ["sql", "--unknown", "1"], ["sql", "--unknown"],
    ]

    @Test(arguments: WorkerCommandTests.refusals)
    func `anything else is refused`(_ arguments: [String]) {
        #expect(throws: UsageError.self) { try WorkerCommand.parse(arguments) }
    }
}
