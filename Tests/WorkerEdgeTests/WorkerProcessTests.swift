import Base
import Glibc
import Linux
import Testing
import Wire
import WorkerCore

@testable import WorkerEdge

/// The real binary on real streams.
@Suite(.serialized) struct WorkerProcessTests {
    static let view = "{\"database\":\"sample\",\"view_name\":\"product_catalog\"}"

    @Test(arguments: WorkerClient.Transport.allCases)
    func `calls are answered and the end of input ends the process`(_ transport: WorkerClient.Transport) throws {
        let client = try WorkerClient(transport)
        let answer = try client.ask(WorkerClient.call(1, "query_view", Self.view))
        #expect(answer["id"] == 1)
        #expect(answer["result"]?["structuredContent"]?["rowCount"] == 10)
        client.endInput()
        #expect(try client.line() == nil)
        #expect(try client.reap() == .exited(code: 0))
    }

    @Test(arguments: WorkerClient.Transport.allCases)
    func `many lines in one write are all answered once`(_ transport: WorkerClient.Transport) throws {
        let client = try WorkerClient(transport)
        let lines = (0..<500).map { WorkerClient.call($0, "query_view", Self.view) + ($0 % 2 == 0 ? "\n" : "\r\n\n") }
        // In a thread: the worker stops reading while nobody takes its answers.
        let all = bytes(lines.joined())
        let box = Box(client)
        try Thread.start(stackBytes: 256 << 10) { try? box.client.send(all) }
        var ids: Set<Int64> = []
        for _ in 0..<500 {
            let answer = try client.answer()
            #expect(answer["result"]?["structuredContent"]?["rowCount"] == 10)
            ids.insert(try #require(answer["id"]?.int64Value))
        }
        #expect(ids.count == 500)
    }

    final class Box: @unchecked Sendable {
        let client: WorkerClient
        init(_ client: WorkerClient) { self.client = client }
    }

    @Test func `a line may come byte by byte`() throws {
        let client = try WorkerClient()
        for byte in bytes(WorkerClient.call(1, "query_view", Self.view) + "\n") { try client.send([byte]) }
        #expect(try client.answer()["id"] == 1)
    }

    @Test func `a line that is too long is refused once and the next one served`() throws {
        let client = try WorkerClient()
        let box = Box(client)
        try Thread.start(stackBytes: 256 << 10) {
            try? box.client.send([UInt8](repeating: 0x20, count: (4 << 20) + 10))
            try? box.client.send("")
            try? box.client.send(WorkerClient.call(1, "query_view", Self.view))
        }
        #expect(try client.answer()["error"]?["code"] == -32600)
        #expect(try client.answer()["id"] == 1)
    }

    @Test(arguments: WorkerClient.Transport.allCases)
    func `slow calls run beside each other and hold up nothing`(_ transport: WorkerClient.Transport) throws {
        let client = try WorkerClient(transport, ["--query-time", "1500ms", "--concurrency", "3"])
        let start = SystemClock.now()
        for id in 1...2 { try client.send(WorkerClient.query(id, WorkerClient.endless)) }
        for id in 10..<30 {
            let answer = try client.ask(WorkerClient.call(id, "query_view", Self.view))
            #expect(answer["id"] == .integer(Int64(id)))
        }
        #expect(SystemClock.now() - start < .milliseconds(1_200))
        for _ in 0..<2 {
            let answer = try client.answer()
            #expect(answer["result"]?["isError"] == true)
            #expect(answer["result"]?["content"]?[0]?["text"]?.stringValue?.contains("1500 ms") == true)
        }
        #expect(SystemClock.now() - start < .milliseconds(3_000))
        #expect(try client.status("Threads") <= 4)
        #expect(try client.ask(WorkerClient.call(99, "query_view", Self.view))["id"] == 99)
    }

    @Test func `more slow calls than lanes take turns`() throws {
        let client = try WorkerClient(.socket, ["--query-time", "200ms", "--concurrency", "2"])
        for id in 1...6 { try client.send(WorkerClient.query(id, WorkerClient.endless)) }
        var ids: Set<Int64> = []
        for _ in 1...6 { ids.insert(try #require(try client.answer()["id"]?.int64Value)) }
        #expect(ids == [1, 2, 3, 4, 5, 6])
    }

    @Test func `a cancelled call ends and is not answered`() throws {
        let client = try WorkerClient(.socket, ["--query-time", "60s", "--concurrency", "2"])
        for round in 0..<10 {
            let id = round * 10
            try client.send(WorkerClient.query(id, WorkerClient.endless))
            try client.send(WorkerClient.query(id + 1, WorkerClient.endless))
            try client.send(WorkerClient.query(id + 2, WorkerClient.endless))  // Waits.
            for cancelled in 0..<3 {
                try client.send(
                    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\(id + cancelled)}}")
            }
            #expect(try client.ask(WorkerClient.call(id + 3, "query_view", Self.view))["id"] == .integer(Int64(id + 3)))
        }
    }

    @Test func `progress is told while a call runs`() throws {
        let client = try WorkerClient(.socket, ["--query-time", "2500ms"])
        try client.send(WorkerClient.query(7, WorkerClient.endless, meta: ",\"progressToken\":\"t\""))
        for _ in 0..<2 {
            let progress = try client.answer()
            #expect(progress["method"] == "notifications/progress")
            #expect(progress["params"]?["progressToken"] == "t")
            #expect(progress["params"]?["_meta"]?["io.mcp-supervisor/relatedRequest"] == 7)
        }
        #expect(try client.answer()["id"] == 7)
    }

    @Test func `running calls may finish after the end of input`() throws {
        let client = try WorkerClient(.pipes, ["--query-time", "300ms"])
        try client.send(WorkerClient.query(1, WorkerClient.endless))
        client.endInput()
        #expect(try client.answer()["id"] == 1)
        #expect(try client.line() == nil)
        #expect(try client.reap() == .exited(code: 0))
    }

    @Test func `the end comes although a call would run on`() throws {
        let client = try WorkerClient(.pipes, ["--query-time", "60s"])
        try client.send(WorkerClient.query(1, WorkerClient.endless))
        let start = SystemClock.now()
        client.endInput()
        #expect(try client.reap() == .exited(code: 0))
        #expect(SystemClock.now() - start < .seconds(5))
    }

    // In a process of its own: the bound is one for all connections of a process, so every other test would feel it.
    @Test(arguments: HostileGroup.memory)
    func `the bound on the engine's memory ends what only grows`(_ statement: String) throws {
        let client = try WorkerClient(.socket, ["--query-time", "20s"])
        let start = SystemClock.now()
        let result = try client.ask(WorkerClient.query(1, statement))["result"]
        let text = result?["content"]?[0]?["text"]?.stringValue ?? ""
        #expect(result?["isError"] == true, "\(text.prefix(200))")
        // The memory or a limit of the engine must have ended it, not the time.
        let endings = ["needs more memory", "larger than the engine's limits", "was not accepted"]
        #expect(endings.contains { text.contains($0) }, "\(text.prefix(200))")
        #expect(SystemClock.now() - start < .seconds(15))
        #expect(try client.ask(WorkerClient.call(2, "query_view", Self.view))["result"]?["isError"] == false)
    }

    @Test(arguments: WorkerClient.Transport.allCases)
    func `a client that takes no answers stops the reading, and loses nothing`(_ transport: WorkerClient.Transport) throws {
        let client = try WorkerClient(transport)
        let count = 3_000
        let line = WorkerClient.call(1, "list_databases", "{}")
        let all = bytes(Array(repeating: line, count: count).joined(separator: "\n") + "\n")
        let box = Box(client)
        try Thread.start(stackBytes: 256 << 10) { try? box.client.send(all) }
        for _ in 0..<count { #expect(try client.answer()["id"] == 1) }
        #expect(try client.status("VmRSS") < 30_000)
    }

    @Test func `a client that goes away ends the process`() throws {
        let client = try WorkerClient(.socket)
        #expect(try client.ask(WorkerClient.call(1, "query_view", Self.view))["id"] == 1)
        try client.send(WorkerClient.query(2, "SELECT 1"))
        client.endInput(shutDownOnly: true)
        #expect(try client.reap() == .exited(code: 0))
    }

    @Test func `files serve as input and output`() throws {
        let scratch = try Scratch("files")
        try SampleDatabase.write(to: bytes(scratch.file("shop.db")))
        let lines = (1...20).map { WorkerClient.call($0, "query_view", Self.view) + "\n" }.joined()
        try Files.writeAtomically(scratch.file("in"), bytes(lines).span)
        let input = try Files.open(scratch.file("in"), .read)
        let output = try Files.open(scratch.file("out"), .create)
        let null = try Files.null()
        let child = try Spawn(
            program: bytes(workerProgram),
            arguments: ["sql", "--database", "sample=sqlite://\(scratch.file("shop.db"))"].map { bytes($0) },
            descriptors: [input.descriptor, output.descriptor, null.descriptor]
        ).start()
        defer { child.pidFD.close() }
        #expect(try WorkerClient.wait(child.pidFD.descriptor, until: SystemClock.now() + .seconds(20)))
        #expect(try child.pidFD.reap() == .exited(code: 0))
        let answers = text(try Files.read(scratch.file("out"), limit: 1 << 20).bytes).split(separator: "\n")
        #expect(answers.count == 20)
        input.close()
        output.close()
        null.close()
    }

    /// With a pipe, flags of the open file description that the worker shares with us must stay as they were.
    @Test(arguments: WorkerClient.Transport.allCases)
    func `the streams stay blocking for everybody else`(_ transport: WorkerClient.Transport) throws {
        let input =
            try transport == .socket ? DescriptorPair.sockets(nonblocking: false) : DescriptorPair.pipe(nonblocking: false)
        let output = try DescriptorPair.pipe(nonblocking: false)
        let null = try Files.null()
        let child = try Spawn(
            program: bytes(workerProgram), arguments: [bytes("sql")],
            descriptors: [input.first.descriptor, output.second.descriptor, null.descriptor]
        ).start()
        let ping = bytes("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n")
        _ = try input.second.descriptor.write(ping.span)
        #expect(try WorkerClient.wait(output.first.descriptor, until: SystemClock.now() + .seconds(20)))
        for descriptor in [input.first.descriptor, output.second.descriptor] { #expect(try !descriptor.isNonblocking()) }
        _ = try child.pidFD.send(.kill)
        #expect(try WorkerClient.wait(child.pidFD.descriptor, until: SystemClock.now() + .seconds(20)))
        _ = try child.pidFD.reap()
        child.pidFD.close()
        null.close()
    }

    @Test(.enabled(if: Landlock.version != nil))
    func `the kernel lets the process open nothing but its databases`() throws {
        let scratch = try Scratch("landlock")
        for name in ["served.db", "other.db"] { try SampleDatabase.write(to: bytes(scratch.file(name))) }
        let link = scratch.file("link.db")
        #expect(unsafe symlink(scratch.file("served.db"), link) == 0)
        let view = "{\"database\":\"link\",\"view_name\":\"low_stock\"}"
        let served = try WorkerClient(.socket, ["--database", "link=sqlite://\(link)"])
        #expect(try served.ask(WorkerClient.call(1, "query_view", view))["result"]?["isError"] == false)
        let client = try WorkerClient(.socket, ["--database", "link=sqlite://\(link)"])
        // The answer shows that the process has confined itself; the database is not open yet.
        #expect(try client.ask(WorkerClient.call(1, "list_databases", "{}"))["id"] == 1)
        try Files.remove(link)
        #expect(unsafe symlink(scratch.file("other.db"), link) == 0)
        let refused = try client.ask(WorkerClient.call(2, "query_view", view))
        #expect(refused["result"]?["content"]?[0]?["text"] == "The database is not available at the moment.")
        #expect(try client.ask(WorkerClient.call(3, "query_view", Self.view))["result"]?["isError"] == false)
    }

    @Test func `a database in WAL mode is served while somebody writes`() throws {
        let scratch = try Scratch("wal")
        try scratch.makeDatabase("w.db", ["PRAGMA journal_mode=WAL", "CREATE TABLE t(a)", "INSERT INTO t VALUES (1)"])
        let client = try WorkerClient(.socket, ["--database", "w=sqlite://\(scratch.file("w.db"))"])
        let view = "{\"database\":\"w\",\"view_name\":\"t\"}"
        #expect(try client.ask(WorkerClient.call(1, "query_view", view))["result"]?["structuredContent"]?["rowCount"] == 1)
        let writer = try SQLiteConnection(creating: bytes(scratch.file("w.db")))
        try writer.run("INSERT INTO t VALUES (2)")
        #expect(try client.ask(WorkerClient.call(2, "query_view", view))["result"]?["structuredContent"]?["rowCount"] == 2)
        try writer.run("INSERT INTO t VALUES (3)")
        #expect(try client.ask(WorkerClient.call(3, "query_view", view))["result"]?["structuredContent"]?["rowCount"] == 3)
    }

    static let commands: [([String], Int32, String)] = [
        (["--version"], 0, "mcp-worker 0."), (["--help"], 0, "usage:"), ([], 64, ""), (["sql", "--rows-max", "x"], 64, ""),
        (["sample", "/nowhere/at/all.db"], 69, ""),
    ]

    @Test(arguments: WorkerProcessTests.commands)
    func `commands end with their code`(_ arguments: [String], _ code: Int32, _ says: String) throws {
        let output = try DescriptorPair.pipe(nonblocking: false)
        let null = try Files.null()
        let child = try Spawn(
            program: bytes(workerProgram), arguments: arguments.map { bytes($0) },
            descriptors: [null.descriptor, output.second.descriptor, null.descriptor]
        ).start()
        #expect(try WorkerClient.wait(child.pidFD.descriptor, until: SystemClock.now() + .seconds(20)))
        #expect(try child.pidFD.reap() == .exited(code: code))
        child.pidFD.close()
        if !says.isEmpty {
            var block = [UInt8](repeating: 0, count: 4_096)
            var span = block.mutableSpan
            guard case .moved(let count) = try output.first.descriptor.read(into: &span) else { return #expect(Bool(false)) }
            #expect(text(Array(block[..<count])).hasPrefix(says))
        }
        null.close()
    }
}
