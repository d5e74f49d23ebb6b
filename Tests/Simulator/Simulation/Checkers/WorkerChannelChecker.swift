import Base
import Wire

/// What a worker may expect of its supervisor: the handshake first and once, then one valid JSON-RPC message a line, an id that was
/// never used before, no more calls at once than its configuration allows, and nothing that a client forged.
struct WorkerChannelChecker {
    /// A line as the worker understands it.
    struct Message {
        var method = ""
        var id: Int64?
        /// Of what the supervisor asks for itself.
        var ownID = ""
        var cancelledID: Int64?
        var arguments: [UInt8] = []
        /// Of the client's request; -1 when its arguments hold none.
        var nonce = -1
        var hasProgressToken = false
        /// `initialize` says that clients can answer forms.
        var promises = false
    }

    private struct Channel {
        var lines = 0
        var outstanding: Set<Int64> = []
        var wasGreeted = false
        /// Ids of the supervisor's own, each good once in the life of a worker.
        var owned: Set<String> = []
    }

    let judge: Judge
    private let deliveries: DeliveryChecker
    private let concurrency: [Int]
    private var channels: [Int32: Channel] = [:]
    /// Of all workers of this life.
    private var used: Set<Int64> = []
    private var scanner = JSONRPCScanner(limits: JSONLimits(depthMax: 128))

    init(judge: Judge, deliveries: DeliveryChecker, concurrency: [Int]) {
        self.judge = judge
        self.deliveries = deliveries
        self.concurrency = concurrency
    }

    /// Nil when the line is an answer to the worker's own question, or wrong.
    mutating func line(_ bytes: [UInt8], of worker: SimWorker) -> Message? {
        let pid = worker.process.pid
        defer { self.channels[pid, default: Channel()].lines += 1 }
        let envelope: JSONRPCEnvelope
        do {
            envelope = try self.scanner.scan(bytes.span)
        } catch {
            self.fail(pid, "line \(AnswerChecker.text(bytes)) is no message: \(error)")
            return nil
        }
        guard !bytes.contains(0x0D) else {
            self.fail(pid, "a raw CR in \(AnswerChecker.text(bytes))")
            return nil
        }
        guard let methodRange = envelope.method else {
            guard let id = envelope.id, worker.questionAnswered(JSONString.string(bytes.span, id)) else {
                self.fail(pid, "an answer to no open question: \(AnswerChecker.text(bytes))")
                return nil
            }
            return nil
        }
        var message = Message()
        message.method = JSONString.string(bytes.span, methodRange)
        if let id = envelope.id { message.id = JSONNumber.int64(bytes.span, id) }
        self.checkOrder(message, bytes, worker)
        let members = self.scanner.members
        if message.method == "initialize", let range = members.value("capabilities", in: bytes.span) {
            message.promises = range.count > 2
        }
        if message.method == "notifications/cancelled" {
            message.cancelledID = members.value("requestId", in: bytes.span).flatMap { JSONNumber.int64(bytes.span, $0) }
            if let id = message.cancelledID, self.channels[pid]?.outstanding.remove(id) == nil, !self.used.contains(id) {
                self.fail(pid, "cancelled \(id), which it was never asked")
            }
            if let range = members.value("requestId", in: bytes.span), bytes[range.lowerBound] == 0x22 {
                let name = JSONString.string(bytes.span, range)
                if self.channels[pid]?.owned.contains(name) != true {
                    self.fail(pid, "cancelled \(name), which it was never asked")
                }
            }
        }
        if let id = envelope.id, bytes[id.lowerBound] == 0x22 {
            message.ownID = JSONString.string(bytes.span, id)
            self.checkOwn(message, bytes, worker)
            return message
        }
        guard message.method.hasPrefix("tools/") else { return message }
        self.checkCall(&message, bytes, worker, members)
        return message
    }

    private mutating func checkOrder(_ message: Message, _ bytes: [UInt8], _ worker: SimWorker) {
        let pid = worker.process.pid
        let lines = self.channels[pid]?.lines ?? 0
        let isHandshake = message.method == "server/discover" || message.method == "initialize"
        if (lines == 0) != isHandshake { self.fail(pid, "\(message.method) as line \(lines)") }
        if worker.isBuiltin, message.method == "initialize" { self.fail(pid, "the legacy era for the built-in worker") }
        guard !worker.isModern, lines > 0 else { return }
        if (lines == 1) != (message.method == "notifications/initialized") {
            self.fail(pid, "\(message.method) as line \(lines)")
        }
    }

    /// A subscription to changes, or the question whether the lists of a new worker are those of the old one.
    private mutating func checkOwn(_ message: Message, _ bytes: [UInt8], _ worker: SimWorker) {
        let pid = worker.process.pid
        if self.channels[pid]?.owned.insert(message.ownID).inserted != true { self.fail(pid, "\(message.ownID) was used before") }
        let isRight =
            switch message.method {
            case "subscriptions/listen": worker.isModern && message.ownID.hasPrefix("changes-")
            case "tools/list", "prompts/list": message.ownID.hasPrefix("catalogue-")
            default: false
            }
        if !isRight { self.fail(pid, "the supervisor asked for itself: \(AnswerChecker.text(bytes))") }
    }

    private mutating func checkCall(_ message: inout Message, _ bytes: [UInt8], _ worker: SimWorker, _ members: JSONMembers) {
        let pid = worker.process.pid
        guard let id = message.id, id > 0 else {
            return self.fail(pid, "a call with the id of no call: \(AnswerChecker.text(bytes))")
        }
        guard self.used.insert(id).inserted else { return self.fail(pid, "the id \(id) was used before") }
        // The supervisor's own look at the list of tools is no client's call: no concurrency is promised for it.
        guard id < 1 << 52 else { return }
        self.channels[pid]?.outstanding.insert(id)
        let count = self.channels[pid]?.outstanding.count ?? 0
        if count > self.concurrency[worker.process.server] {
            self.fail(pid, "\(count) calls at once, \(self.concurrency[worker.process.server]) are allowed")
        }
        if let arguments = members.value("arguments", in: bytes.span) {
            message.arguments = Array(bytes[arguments.range])
            message.nonce = Nonce.numbers(in: message.arguments).first ?? -1
            if message.nonce >= 0 { self.deliveries.read(message.nonce) }
        }
        guard let range = members.value("_meta", in: bytes.span) else { return }
        let meta: JSONValue
        do {
            meta = try JSONValue.parse(Array(bytes[range.range]), allowingCommentsAndTrailingCommas: false)
        } catch {
            return self.fail(pid, "the _meta of \(AnswerChecker.text(bytes))")
        }
        for member in meta.objectValue ?? [] where member.key.hasPrefix("io.mcp-supervisor/") {
            self.fail(pid, "a forged \(member.key) passed: \(AnswerChecker.text(bytes))")
        }
        if let token = meta["progressToken"] {
            message.hasProgressToken = true
            if token.int64Value != id { self.fail(pid, "the call \(id) has the progress token \(token)") }
        }
        if worker.isModern, meta["io.modelcontextprotocol/protocolVersion"]?.stringValue != "2026-07-28" {
            self.fail(pid, "no version in \(AnswerChecker.text(bytes))")
        }
        if !worker.isModern, meta["io.modelcontextprotocol/protocolVersion"] != nil {
            self.fail(pid, "a modern envelope for a legacy worker: \(AnswerChecker.text(bytes))")
        }
    }

    mutating func answered(_ id: Int64, by worker: SimWorker) { self.channels[worker.process.pid]?.outstanding.remove(id) }

    private func fail(_ pid: Int32, _ text: String) { self.judge.report("worker channel", "worker \(pid): \(text)") }
}
