import Base
import Wire

/// Every request gets exactly one answer, the right one, on the connection and with the id that it was asked with, or a definite
/// end that has a reason.
struct AnswerChecker {
    /// What may excuse an answer that did not come.
    struct Circumstances {
        /// The client closed, reset or half-closed the connection itself, or sent garbage on it.
        var clientGaveUp = false
        /// It reads so slowly that it may be given up.
        var isSlowReader = false
        /// An earlier response announced the end of the connection.
        var wasAnnounced = false
        /// The supervisor read at least one byte of the request.
        var wasRead = true
        /// Time leapt forward: any deadline may have passed at once.
        var clockJumped = false
        /// The deadline of the drain has passed, or a second signal shortened it.
        var drainExpired = false
        /// Only part of the request was ever sent.
        var isIncomplete = false
        /// An earlier request on the connection has a stream, which may have been closed as too slow.
        var isBehindStream = false
        /// The session may have ended: idle for long, or by DELETE.
        var sessionMayBeGone = false
        /// The log may have dropped events: for their age, their number or their size.
        var mayBeForgotten = false
        var isDraining = false
        var bodyBytesMax = 0
    }

    let judge: Judge
    private let deliveries: DeliveryChecker
    private(set) var statistics = Statistics()
    private var scanner = JSONRPCScanner(limits: JSONLimits(depthMax: 128, stringBytesMax: 64 << 20))

    init(judge: Judge, deliveries: DeliveryChecker) {
        self.judge = judge
        self.deliveries = deliveries
    }

    mutating func began(_ exchange: Exchange) { self.statistics.requests += 1 }

    // MARK: Whole responses

    /// The response to `exchange` has arrived to its end; `body` is empty when it was an event stream.
    mutating func responded(_ exchange: Exchange, _ head: ResponseParser.Head, _ body: [UInt8], _ circumstances: Circumstances) {
        exchange.status = head.status
        if head.isEventStream {
            if exchange.cursor.isForged { self.fail("an id that was never given out was resumed: request \(exchange.serial)") }
            return self.streamEnded(exchange, circumstances)
        }
        if exchange.cursor.resumptions > 0 || exchange.cursor.isForged {
            return self.resumptionRefused(exchange, head.status, body, circumstances)
        }
        guard exchange.kind != .hostile else { return self.settle(exchange, head.status) }
        guard Self.allows(head.status, exchange, circumstances) || Nonce.numbers(in: body).contains(exchange.serial) else {
            return self.fail("request \(exchange.serial) (\(exchange.kind)) was answered \(head.status): \(Self.text(body))")
        }
        switch exchange.kind {
        case .notification where head.status == 202, .delete where head.status == 200, .preflight where head.status == 204:
            if !body.isEmpty { self.fail("a body in the \(head.status) to request \(exchange.serial)") }
            self.settle(exchange, head.status)
        case .health:
            if head.status != 408 { self.checkHealth(exchange, body) }
            self.settle(exchange, head.status)
        case .batch where head.status == 202, .posted where head.status == 202: self.settle(exchange, head.status)
        case .call, .list, .local, .initialize, .batch, .notification, .sessionStream, .listen, .delete, .preflight, .duplex,
            .posted:
            self.message(exchange, body, status: head.status)
        case .hostile: break
        }
    }

    /// A GET with `Last-Event-ID` was not answered by a stream.
    private mutating func resumptionRefused(
        _ exchange: Exchange, _ status: Int, _ body: [UInt8], _ circumstances: Circumstances
    ) {
        exchange.outcome = .cut
        for part in exchange.parts where part.isPending { part.outcome = .cut }
        let isExcused =
            switch status {
            case 400: exchange.cursor.isForged || circumstances.mayBeForgotten
            case 404: circumstances.sessionMayBeGone
            case 408: circumstances.clockJumped || circumstances.isIncomplete
            case 503: circumstances.isDraining
            default: false
            }
        guard !isExcused else { return }
        self.fail(
            "the stream of request \(exchange.serial) could not be resumed after \(exchange.cursor.last ?? "-"): \(status) \(Self.text(body))"
        )
    }

    private mutating func settle(_ exchange: Exchange, _ status: Int, code: Int64? = nil) {
        self.statistics.answers += 1
        exchange.outcome = .answered(status: status, code: code)
    }

    private static func allows(_ status: Int, _ exchange: Exchange, _ circumstances: Circumstances) -> Bool {
        if status == 503 {
            switch exchange.kind {
            case .call, .list, .initialize, .batch, .listen, .sessionStream, .duplex: return true
            case .local: return exchange.isModern
            case .health(let isReady): return isReady
            case .notification, .delete, .preflight, .posted, .hostile: return false
            }
        }
        // The worker asks for what nobody here can do.
        if status == 400 { return exchange.kind == .call && exchange.isModern && exchange.canAnswer }
        if status == 408 { return circumstances.clockJumped || circumstances.isIncomplete || exchange.bodyBytes > 4096 }
        if status == 413 { return exchange.bodyBytes > circumstances.bodyBytesMax }
        // The stream may be gone, or its client behind with reading it.
        if exchange.kind == .posted { return status == 202 || status == 404 || status == 429 }
        if status == 429 { return exchange.session >= 0 && (exchange.kind == .call || exchange.kind == .list) }
        if status == 404 && exchange.session >= 0 { return circumstances.sessionMayBeGone }
        switch exchange.kind {
        case .notification: return status == 202
        case .batch: return status == (exchange.parts.isEmpty ? 202 : 200)
        case .preflight: return status == 204
        case .call, .list, .local, .initialize, .listen, .sessionStream, .delete, .health: return status == 200
        case .duplex: return status == 101
        case .posted, .hostile: return true
        }
    }

    private func checkHealth(_ exchange: Exchange, _ body: [UInt8]) {
        guard !exchange.isHead else {
            if !body.isEmpty { self.fail("a body in the answer to HEAD") }
            return
        }
        let states = ["starting", "healthy", "degraded", "draining"]
        guard let value = try? JSONValue.parse(body, allowingCommentsAndTrailingCommas: false),
            let status = value["status"]?.stringValue, states.contains(status)
        else { return self.fail("the health report \(Self.text(body))") }
    }

    // MARK: Messages

    /// One JSON-RPC message for `exchange`, as a whole body (with its status) or as an event.
    mutating func message(_ exchange: Exchange, _ bytes: [UInt8], status: Int?) {
        let envelope: JSONRPCEnvelope
        do {
            envelope = try self.scanner.scan(bytes.span)
        } catch {
            guard status == 408 || status == 413, Self.isPlainError(bytes) else {
                return self.fail("for request \(exchange.serial): no JSON-RPC message (\(error)): \(Self.text(bytes))")
            }
            return self.settle(exchange, status ?? 200, code: -1)
        }
        exchange.events += 1
        switch envelope.kind {
        case .request: self.question(exchange, envelope, bytes, status: status)
        case .notification:
            guard status == nil else { return self.fail("a notification as the answer to request \(exchange.serial)") }
            self.notification(exchange, envelope, bytes)
        // Decided on the head, before any id was read.
        case .error where envelope.id == nil && (exchange.id.isEmpty || status == 408 || status == 413):
            self.settle(exchange, status ?? 200, code: -1)
        case .result, .error:
            guard exchange.isPending else {
                return self.fail("a second answer to request \(exchange.serial): \(Self.text(bytes))")
            }
            guard let id = envelope.id, bytes[id.range].elementsEqual(exchange.id) else {
                return self.fail(
                    "request \(exchange.serial) had the id \(Self.text(exchange.id)), its answer is \(Self.text(bytes))")
            }
            self.answer(exchange, envelope, bytes, status: status ?? 200)
        }
    }

    private mutating func answer(_ exchange: Exchange, _ envelope: JSONRPCEnvelope, _ bytes: [UInt8], status: Int) {
        if let error = envelope.error {
            let value = try? JSONValue.parse(Array(bytes[error.range]), allowingCommentsAndTrailingCommas: false)
            guard let code = value?["code"]?.int64Value, value?["message"]?.stringValue != nil else {
                return self.fail("the error \(Self.text(bytes))")
            }
            if exchange.origin == nil, let claim = value?["data"]?["delivered"] {
                self.deliveries.claimed(exchange.serial, claim)
            }
            return self.settle(exchange, status, code: code)
        }
        guard let result = envelope.result, status == 200 else {
            return self.fail("a result with status \(status) for request \(exchange.serial)")
        }
        self.settle(exchange, status)
        switch exchange.kind {
        case .call:
            self.statistics.results += 1
            if let type = self.scanner.members.value("resultType", in: bytes.span),
                JSONString.equals(bytes.span, type, "input_required")
            {
                return self.sentAway(exchange, Array(bytes[result.range]))
            }
            guard exchange.hasStructure || self.scanner.members.value("structuredContent", in: bytes.span) != nil else { return }
            guard exchange.hasStructure, let echo = self.scanner.members.value("structuredContent", in: bytes.span) else {
                return self.fail("structuredContent is not as it should be for request \(exchange.serial): \(Self.text(bytes))")
            }
            guard bytes[echo.range].elementsEqual(exchange.arguments) else {
                return self.fail(
                    "request \(exchange.serial) sent \(Self.text(exchange.arguments)), its answer is \(Self.text(Array(bytes[echo.range])))"
                )
            }
        case .list:
            if self.scanner.members.value("tools", in: bytes.span) == nil { self.fail("no tools in \(Self.text(bytes))") }
        case .initialize:
            if self.scanner.members.value("protocolVersion", in: bytes.span) == nil {
                self.fail("no version in \(Self.text(bytes))")
            }
        case .local, .listen: break
        case .batch, .notification, .sessionStream, .delete, .health, .preflight, .duplex, .posted, .hostile:
            self.fail("a result for \(exchange.kind): \(Self.text(Array(bytes[result.range])))")
        }
    }

    /// A worker's question, for a legacy client in the middle of its call. Whose it is, `ForeignBytesChecker` sees.
    private mutating func question(_ exchange: Exchange, _ envelope: JSONRPCEnvelope, _ bytes: [UInt8], status: Int?) {
        guard exchange.kind == .call, exchange.canAnswer, !exchange.isModern, exchange.isPending, status == nil,
            let id = envelope.id, let method = envelope.method, JSONString.equals(bytes.span, method, "elicitation/create"),
            !exchange.questions.contains(Array(bytes[id.range]))
        else { return self.fail("a request of the server for request \(exchange.serial): \(Self.text(bytes))") }
        exchange.questions.append(Array(bytes[id.range]))
        self.statistics.questions += 1
    }

    /// The questions for a modern client, which may come back with the answers.
    private mutating func sentAway(_ exchange: Exchange, _ result: [UInt8]) {
        guard exchange.isModern, exchange.canAnswer, let value = try? JSONValue.parse(result),
            value["requestState"]?.stringValue != nil, !(value["inputRequests"]?.objectValue ?? []).isEmpty
        else { return self.fail("questions for request \(exchange.serial): \(Self.text(result))") }
        exchange.required = value
        self.statistics.questions += value["inputRequests"]?.objectValue?.count ?? 0
    }

    private static let listChanges = [
        "notifications/tools/list_changed", "notifications/prompts/list_changed", "notifications/resources/list_changed",
    ]

    private func notification(_ exchange: Exchange, _ envelope: JSONRPCEnvelope, _ bytes: [UInt8]) {
        guard exchange.isPending else { return self.fail("an event after the answer to request \(exchange.serial)") }
        guard let range = envelope.method else { return }
        let method = JSONString.string(bytes.span, range)
        let members = self.scanner.members
        switch exchange.kind {
        case .call where method == "notifications/progress":
            guard let token = members.value("progressToken", in: bytes.span),
                bytes[token.range].elementsEqual(exchange.progressToken)
            else { return self.fail("progress with a wrong token for request \(exchange.serial): \(Self.text(bytes))") }
            guard let value = members.value("progress", in: bytes.span).flatMap({ JSONNumber.int64(bytes.span, $0) }),
                Int(value) > exchange.progress
            else { return self.fail("progress that does not grow for request \(exchange.serial): \(Self.text(bytes))") }
            exchange.progress = Int(value)
        case .call where method == "notifications/message":
            if exchange.isModern && !exchange.wantsLogs {
                self.fail("request \(exchange.serial) asked for no log messages: \(Self.text(bytes))")
            }
        case .call where method == "notifications/cancelled":
            guard let id = members.value("requestId", in: bytes.span), exchange.questions.contains(Array(bytes[id.range])) else {
                return self.fail("a question was taken back that was not asked: \(Self.text(bytes))")
            }
        case .list where method == "notifications/message": break
        case .listen where method == "notifications/subscriptions/acknowledged":
            if exchange.events != 1 { self.fail("a late acknowledgement") }
        case .listen where Self.listChanges.contains(method):
            if exchange.events < 2 { self.fail("a change before the acknowledgement") }
        case .sessionStream where Self.listChanges.contains(method), .duplex where Self.listChanges.contains(method): break
        default: self.fail("\(method) on the stream of request \(exchange.serial) (\(exchange.kind))")
        }
    }

    // MARK: Ends

    private func streamEnded(_ exchange: Exchange, _ circumstances: Circumstances) {
        guard exchange.isPending, exchange.kind != .hostile else { return }
        exchange.outcome = .endedWithoutAnswer
        switch exchange.kind {
        case .sessionStream, .duplex: return
        case .batch:
            for part in exchange.parts { self.streamEnded(part, circumstances) }
            return
        case .call, .list, .local:
            if exchange.wasCancelled || exchange.sessionEnded || circumstances.sessionMayBeGone { return }
        case .listen, .initialize, .notification, .delete, .health, .preflight, .posted, .hostile: break
        }
        self.fail("the stream of request \(exchange.serial) (\(exchange.kind)) ended without an answer")
    }

    /// The request that an event on the stream of `exchange` is for.
    mutating func target(_ exchange: Exchange, _ bytes: [UInt8]) -> Exchange? {
        guard exchange.kind == .batch || exchange.kind == .duplex else { return exchange }
        if let number = Nonce.numbers(in: bytes).first { return exchange.parts.first { $0.serial == number } }
        guard let envelope = try? self.scanner.scan(bytes.span) else { return nil }
        // Words of a worker that name nothing are given to the only call it has.
        guard let id = envelope.id else {
            guard exchange.kind == .duplex, let method = envelope.method else { return exchange.parts.first(where: \.isPending) }
            return Self.listChanges.contains(JSONString.string(bytes.span, method))
                ? exchange : exchange.parts.first(where: \.isPending)
        }
        return exchange.parts.first { bytes[id.range].elementsEqual($0.id) }
    }

    /// The connection ended while `exchange` was pending.
    func cut(_ exchange: Exchange, _ circumstances: Circumstances) {
        guard exchange.isPending else { return }
        exchange.outcome = .cut
        // Of a duplex stream each request is judged by itself, see `DuplexClient`.
        if exchange.kind == .batch { for part in exchange.parts where part.isPending { part.outcome = .cut } }
        guard exchange.kind != .hostile, !exchange.kind.isStream else { return }
        let isExcused =
            circumstances.clientGaveUp || circumstances.isSlowReader || circumstances.wasAnnounced || !circumstances.wasRead
            || circumstances.clockJumped || circumstances.drainExpired || circumstances.isIncomplete || exchange.wasCancelled
            || exchange.sessionEnded || exchange.session >= 0 && circumstances.sessionMayBeGone
            // The response before it had begun before the drain, so it could not announce the end.
            || circumstances.isDraining && exchange.isPipelined
            || exchange.mayOverflow || circumstances.isBehindStream
        guard !isExcused else { return }
        self.fail("request \(exchange.serial) (\(exchange.kind)) of client \(exchange.client) was cut off without an answer")
    }

    // MARK: Texts

    /// What endpoints answer that do not speak JSON-RPC, or whose path was not known yet.
    private static func isPlainError(_ bytes: [UInt8]) -> Bool {
        let value = try? JSONValue.parse(bytes, allowingCommentsAndTrailingCommas: false)
        return value?["error"]?.stringValue != nil
    }

    private func fail(_ text: String) { self.judge.report("answers", text) }

    static func text(_ bytes: [UInt8]) -> String {
        bytes.count <= 300 ? String(decoding: bytes, as: UTF8.self) : String(decoding: bytes.prefix(300), as: UTF8.self) + "…"
    }
}
