import Base
import Testing
import Wire

@testable import SupervisorCore

/// The worker's end of its channel, and its process.
final class RigWorker {
    private unowned let rig: Rig
    let key: WorkerKey
    let server: Int
    let process: Int32
    /// Bytes of its stdin that are no whole line yet.
    private var partial: [UInt8] = []
    /// Lines of its stdin that the test has not taken, raw.
    private(set) var lines: [String] = []
    /// What the supervisor asked for itself, unanswered.
    var ownRequests: [JSONValue] = []
    /// How many more bytes of its stdin it reads.
    var window = Int.max
    var signals: [WorkerSignal] = []
    var isInputClosed = false
    /// The machine needs nothing of it any more.
    var isClosed = false

    init(_ rig: Rig, _ key: WorkerKey, _ server: Int, process: Int32) {
        self.rig = rig
        self.key = key
        self.server = server
        self.process = process
    }

    // MARK: Process

    func spawned() {
        self.rig.machine.workerSpawned(self.key, processID: self.process, at: self.rig.now)
    }

    func spawnedLate() {
        self.spawned()
        self.rig.settle()
    }

    /// Dies: the end of its output is noticed first, then its exit.
    func die(_ exit: WorkerExit = .signalled(9)) {
        self.endOutput()
        self.exit(exit)
    }

    func endOutput() {
        self.rig.machine.workerOutputEnded(self.key, at: self.rig.now)
        self.rig.settle()
    }

    func exit(_ exit: WorkerExit = .exited(0)) {
        self.rig.machine.workerExited(self.key, exit, at: self.rig.now)
        self.rig.settle()
    }

    // MARK: Channel

    func writeInput() {
        let limit = self.window
        let bytes = self.rig.machine.withOutput(ofWorker: self.key) { output in
            [UInt8](output, ByteRange(0, Swift.min(output.count, limit)))
        }
        guard let bytes else { return }
        if self.window != .max { self.window -= bytes.count }
        self.rig.machine.workerInputWritten(self.key, bytes.count, at: self.rig.now)
        self.partial += bytes
        while let end = self.partial.firstIndex(of: 0x0A) {
            let line = String(decoding: self.partial[..<end], as: UTF8.self)
            self.partial.removeSubrange(...end)
            #expect(!line.utf8.contains(0x0D), "a line for a worker holds no CR")
            self.received(line)
        }
    }

    /// Reads `count` more bytes of its stdin.
    func read(_ count: Int) {
        self.window += count
        self.writeInput()
        self.rig.settle()
    }

    private func received(_ line: String) {
        let message = (try? JSONValue.parse([UInt8](line.utf8))) ?? .null
        // Most tests are not about what the supervisor asks for itself.
        if self.rig.handshakes, message["params"]?["requestId"]?.stringValue?.hasPrefix("changes-") == true { return }
        if self.rig.handshakes, message["method"] == "subscriptions/listen" { self.acknowledge(message) }
        let isOwn = message["method"] == "subscriptions/listen" || message["id"]?.stringValue?.hasPrefix("catalogue-") == true
        if isOwn, self.rig.handshakes { return self.ownRequests.append(message) }
        // A question of the supervisor's own, before the first modern call.
        if let id = message["id"]?.int64Value, id > 1 << 52, message["method"] == "tools/list", let tools = self.rig.tools {
            return self.write(#"{"jsonrpc":"2.0","id":\#(id),"result":\#(tools)}"#, settles: false)
        }
        guard self.rig.handshakes, message["id"] == 0, message["method"] != "logging/setLevel" else {
            return self.lines.append(line)
        }
        self.answerHandshake(message)
    }

    /// Agrees to all that a `subscriptions/listen` wants.
    func acknowledge(_ listen: JSONValue) {
        let wanted = listen["params"]?["notifications"] ?? [:]
        self.write(
            #"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":\#(wanted),"#
                + #""_meta":{"io.modelcontextprotocol/subscriptionId":\#(listen["id"] ?? .null)}}}"#, settles: false)
    }

    func answerHandshake(_ message: JSONValue) {
        if message["method"] == "server/discover" {
            self.write(
                #"{"jsonrpc":"2.0","id":0,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":"#
                    + self.rig.capabilities + #","ttlMs":0,"cacheScope":"private","instructions":"be kind","_meta":{"#
                    + #""io.modelcontextprotocol/serverInfo":{"name":"rig","version":"1"}}}}"#, settles: false)
        } else {
            self.write(
                #"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":"# + self.rig.capabilities
                    + #","serverInfo":{"name":"rig","version":"1"},"instructions":"be kind"}}"#, settles: false)
        }
    }

    /// The next line, parsed.
    func next() throws -> JSONValue {
        let line = try self.nextLine()
        return try JSONValue.parse([UInt8](line.utf8))
    }

    func nextLine() throws -> String {
        try #require(!self.lines.isEmpty, "the worker was sent nothing")
        return self.lines.removeFirst()
    }

    /// The next request of a call, past what a legacy worker is told after its handshake.
    func request() throws -> JSONValue {
        while true {
            let message = try self.next()
            if message["id"] != nil, message["id"] != 0 { return message }
        }
    }

    /// It was sent nothing that the test has not taken.
    var isSilent: Bool { self.lines.isEmpty }

    func forgetLines() { self.lines = [] }

    /// Writes to its stdout. A line end is added.
    func write(_ text: String, settles: Bool = true) { self.writeRaw(text + "\n", settles: settles) }

    func writeRaw(_ text: String, settles: Bool = true) {
        let bytes = [UInt8](text.utf8)
        self.rig.machine.workerBytes(self.key, bytes.span, at: self.rig.now)
        if settles { self.rig.settle() }
    }

    func answer(_ request: JSONValue, _ result: String = "{}") {
        self.write(#"{"jsonrpc":"2.0","id":\#(request["id"] ?? .null),"result":\#(result)}"#)
    }

    func refuse(_ request: JSONValue, code: Int64, data: String? = nil) {
        let data = data.map { #","data":\#($0)"# } ?? ""
        self.write(#"{"jsonrpc":"2.0","id":\#(request["id"] ?? .null),"error":{"code":\#(code),"message":"no"\#(data)}}"#)
    }

    func progress(_ request: JSONValue, _ step: Int = 1) {
        let token = request["params"]?["_meta"]?["progressToken"] ?? request["id"] ?? .null
        self.write(
            #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":\#(token),"progress":\#(step)}}"#)
    }
}
