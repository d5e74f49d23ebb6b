import Base
import Glibc
import Linux
import Testing
import Wire

@testable import WorkerEdge

/// The built `mcp-worker`, beside the test binary.
let workerProgram: String = {
    let own = unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4_096) { buffer in
        let count = unsafe buffer.withMemoryRebound(to: CChar.self) { characters in
            unsafe characters.baseAddress.map { unsafe readlink("/proc/self/exe", $0, characters.count) } ?? 0
        }
        return unsafe String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    }
    return String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)]) + "/mcp-worker"
}()

/// A running worker and our ends of its streams.
final class WorkerClient {
    enum Transport: String, CaseIterable, CustomStringConvertible {
        /// One socketpair on both.
        case socket
        case pipes
        var description: String { self.rawValue }
    }

    static let envelope =
        "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":{}}"

    let scratch: Scratch
    let child: Spawn.Child
    private var input: FileDescriptor?
    private let output: FileDescriptor
    private let transport: Transport
    private var received: [UInt8] = []
    private var isReaped = false

    init(_ transport: Transport = .socket, _ options: [String] = []) throws {
        self.scratch = try Scratch("client")
        self.transport = transport
        try SampleDatabase.write(to: bytes(self.scratch.file("shop.db")))
        let arguments = ["sql", "--database", "sample=sqlite://\(self.scratch.file("shop.db"))"] + options
        let null = try Files.null()
        func start(_ input: FileDescriptor, _ output: FileDescriptor) throws -> Spawn.Child {
            try Spawn(
                program: bytes(workerProgram), arguments: arguments.map { bytes($0) },
                descriptors: [input, output, null.descriptor]
            ).start()
        }
        switch transport {
        case .socket:
            let pair = try DescriptorPair.sockets(nonblocking: false)
            self.child = try start(pair.second.descriptor, pair.second.descriptor)
            let (ours, theirs) = pair.release()
            theirs.close()
            self.input = ours
            self.output = ours
        case .pipes:
            let toWorker = try DescriptorPair.pipe(nonblocking: false)
            let fromWorker = try DescriptorPair.pipe(nonblocking: false)
            self.child = try start(toWorker.first.descriptor, fromWorker.second.descriptor)
            let (childInput, ourInput) = toWorker.release()
            let (ourOutput, childOutput) = fromWorker.release()
            childInput.close()
            childOutput.close()
            self.input = ourInput
            self.output = ourOutput
        }
    }

    deinit {
        if !self.isReaped {
            _ = try? self.child.pidFD.send(.kill)
            _ = try? self.reap()
        }
        self.endInput(shutDownOnly: false)
        self.output.close()
        self.child.pidFD.close()
    }

    func send(_ text: String) throws { try self.send(bytes(text + "\n")) }

    func send(_ bytes: [UInt8]) throws {
        let input = try #require(self.input)
        var sent = 0
        while sent < bytes.count {
            guard case .moved(let count) = try input.write(bytes.span.extracting(sent..<bytes.count)) else { continue }
            sent += count
        }
    }

    /// The end of input as the worker sees it.
    func endInput(shutDownOnly: Bool = true) {
        guard let input = self.input else { return }
        if self.transport == .socket {
            if shutDownOnly { try? input.shutDown(.writing) }
        } else {
            input.close()
        }
        self.input = nil
    }

    /// The next line, or nil at the end of output.
    func line(timeout: Interval = .seconds(20)) throws -> String? {
        let deadline = SystemClock.now() + timeout
        while true {
            if let end = self.received.firstIndex(of: 0x0A) {
                let line = text(Array(self.received[..<end]))
                self.received.removeFirst(end + 1)
                return line
            }
            guard try Self.wait(self.output, until: deadline) else { throw TimedOut() }
            var block = [UInt8](repeating: 0, count: 65_536)
            var span = block.mutableSpan
            switch try self.output.read(into: &span) {
            case .moved(let count): self.received += block[..<count]
            case .ended: return nil
            case .wouldBlock: break
            }
        }
    }

    struct TimedOut: Error {}

    static func wait(_ descriptor: FileDescriptor, until deadline: Instant) throws -> Bool {
        var set = PollSet()
        let place = set.add(descriptor)
        set.setInterest(place, descriptor, reading: true, writing: false)
        while !set.isReadable(place) {
            let now = SystemClock.now()
            guard now < deadline else { return false }
            try set.wait(timeout: deadline - now)
        }
        return true
    }

    func answer() throws -> JSONValue { try JSONValue.parse(bytes(try #require(try self.line())).span) }

    func ask(_ text: String) throws -> JSONValue {
        try self.send(text)
        return try self.answer()
    }

    static func call(_ id: Int, _ tool: String, _ arguments: String, meta: String = "") -> String {
        """
        {"jsonrpc":"2.0","id":\(id),"method":"tools/call","params":{"name":"\(tool)","arguments":\(arguments),\
        "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}\(meta)}}}
        """
    }

    static func query(_ id: Int, _ text: String, meta: String = "") -> String {
        self.call(id, "execute_query", "{\"query\":\"\(text)\"}", meta: meta)
    }

    static let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    func reap(timeout: Interval = .seconds(20)) throws -> Linux.ExitStatus {
        guard try Self.wait(self.child.pidFD.descriptor, until: SystemClock.now() + timeout) else { throw TimedOut() }
        self.isReaped = true
        return try #require(try self.child.pidFD.reap())
    }

    /// A number from /proc/PID/status, in the unit of the file.
    func status(_ field: String) throws -> Int {
        let content = text(try Files.read("/proc/\(self.child.pid)/status", limit: 1 << 16).bytes)
        for line in content.split(separator: "\n") where line.hasPrefix("\(field):") {
            let number = line.dropFirst(field.count + 1).drop { $0 == " " || $0 == "\t" }.prefix { $0.isNumber }
            return try #require(Int(number))
        }
        throw TimedOut()
    }
}
