import Base
import SupervisorCore

/// A client whose messages go both ways on one stream: a WebSocket of either era, or HTTP+SSE, whose messages it posts.
final class DuplexClient: SimClient {
    private enum Form {
        case webSocket
        case eventStream
    }

    private var form = Form.webSocket
    private var isModern = false
    private var server = 0
    private var link: ClientConnection?
    private var carrier: Exchange?
    /// Results of its revision have `structuredContent`.
    private var hasStructure = true
    /// The stream is there, and with sessions, `initialize` has been answered.
    private var isReady = false
    private var address = ""
    private var openedAt: Instant
    private var frameBytes: [UInt8] = []

    override init(index: Int, world: Simulation, profile: Plan.ClientProfile, random: PRNG) {
        self.openedAt = world.now
        super.init(index: index, world: world, profile: profile, random: random)
    }

    override func act() {
        self.disturb()
        guard self.wantsToAct else { return }
        guard let link = self.link, link.isOpen, self.carrier != nil else { return self.open() }
        guard self.isReady else { return }
        self.profile.budget -= 1
        switch self.random.below(16) {
        case 0 where !self.isModern: self.ask(.local, "ping", "")
        case 1: self.ask(.list, "tools/list", self.isModern ? "{\(RequestText.modernMeta(""))}" : "{}")
        case 2, 3: self.cancel()
        case 4 where self.random.below(4) == 0: self.leave(link)
        default: self.call()
        }
    }

    override func sessionMayBeGone(_ exchange: Exchange) -> Bool {
        let limits = self.world.configuration.limits
        return self.world.now - self.openedAt >= Swift.min(limits.sessionAge, limits.streamAge) / 2 || self.world.clockJumps > 0
    }

    // MARK: The stream

    private func open() {
        guard self.carrier == nil, let connection = self.connect() else { return }
        self.profile.budget -= 1
        self.form = self.random.one(of: [Form.webSocket, .webSocket, .eventStream])
        self.isModern = self.form == .webSocket && self.random.flip()
        self.server = self.random.below(self.world.configuration.servers.count)
        self.isReady = false
        self.address = ""
        self.frameBytes = []
        self.openedAt = self.world.now
        let exchange = self.exchange(.duplex, server: self.server, isModern: self.isModern)
        exchange.session = 0
        let path = self.world.path(self.server, &self.random)
        var request = RequestText(method: "GET", path: path)
        switch self.form {
        case .webSocket:
            if self.random.flip() { request.path = String(path.dropLast(3)) + "ws" }
            request.fields = [
                ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ]
        case .eventStream:
            request.path = String(path.dropLast(3)) + "sse"
            request.fields = [("Accept", "text/event-stream")]
        }
        self.link = connection
        self.carrier = exchange
        connection.send(exchange, request.bytes)
    }

    private func leave(_ link: ClientConnection) {
        if self.form == .webSocket, self.random.flip() {
            // The answer is a close, too; what runs is over.
            for part in self.carrier?.parts ?? [] { part.wasCancelled = true }
            link.sendBehind(Self.frame(8, [0x03, 0xE8]))
            self.isReady = false
        } else {
            link.close(resets: self.random.flip())
        }
    }

    /// HTTP+SSE: where to post.
    func endpointNamed(_ data: [UInt8], on connection: ClientConnection) {
        guard self.form == .eventStream, self.address.isEmpty else {
            return self.world.judge.report("answers", "an endpoint that was not asked for")
        }
        self.address = String(decoding: data, as: UTF8.self)
        self.streamOpened()
    }

    private func streamOpened() {
        guard !self.isModern else {
            self.isReady = true
            return
        }
        let version = self.random.one(of: ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
        self.hasStructure = version >= "2025-06-18"
        self.ask(
            .initialize, "initialize",
            "{\"protocolVersion\":\"\(version)\",\"capabilities\":{},\"clientInfo\":{\"name\":\"d\",\"version\":\"1\"}}")
    }

    // MARK: Requests

    private var pendingParts: [Exchange] { self.carrier?.parts.filter { $0.isPending && !$0.wasCancelled } ?? [] }

    private func call() {
        guard self.pendingParts.count < Swift.max(4, self.profile.pipeline) else { return }
        let exchange = self.exchange(.call, server: self.server, isModern: self.isModern, id: self.id())
        // The worker names the call in its lines to legacy clients.
        exchange.wantsLogs = !self.isModern
        exchange.hasStructure = self.isModern || self.hasStructure
        let extra = self.isModern ? ",\(RequestText.modernMeta(""))" : ""
        self.send(exchange, "tools/call", "{\"name\":\"echo\",\"arguments\":\(self.arguments(exchange))\(extra)}")
    }

    private func ask(_ kind: Exchange.Kind, _ method: String, _ params: String) {
        let exchange = self.exchange(kind, server: self.server, isModern: self.isModern, id: self.id())
        self.send(exchange, method, params)
    }

    private func send(_ exchange: Exchange, _ method: String, _ params: String) {
        // An id of its own, also beside those whose end is not known.
        guard let carrier = self.carrier, !carrier.parts.contains(where: { $0.id == exchange.id }) else { return }
        exchange.session = 0
        let rest = params.isEmpty ? "" : ",\"params\":\(params)"
        let id = String(decoding: exchange.id, as: UTF8.self)
        let text = "{\"jsonrpc\":\"2.0\",\"id\":\(id),\"method\":\"\(method)\"\(rest)}"
        guard text.utf8.count <= self.world.configuration.limits.bodyBytesMax else { return }
        self.world.answers.began(exchange)
        carrier.parts.append(exchange)
        self.transmit(text, exchange)
    }

    private func cancel() {
        guard let victim = self.pendingParts.first(where: { $0.kind == .call }) else { return }
        victim.wasCancelled = true
        let id = String(decoding: victim.id, as: UTF8.self)
        self.transmit(
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\(id)}}", nil)
    }

    private func transmit(_ text: String, _ part: Exchange?) {
        guard let link = self.link else { return }
        self.world.trace.add("send", at: self.world.now, self.index, part?.serial ?? -1, String(text.prefix(80)))
        switch self.form {
        case .webSocket: link.sendBehind(self.frames([UInt8](text.utf8)), part: part)
        case .eventStream:
            let exchange = self.exchange(.posted, server: self.server, isModern: false)
            if let part { exchange.parts = [part] }
            var request = RequestText.post(self.address, text)
            exchange.bodyBytes = request.body.count
            if self.random.below(8) == 0 { request.closes = true }
            exchange.closes = request.closes
            guard let connection = self.connection() else {
                // It was never sent.
                part?.wasCancelled = true
                return
            }
            connection.send(exchange, request.bytes)
        }
    }

    /// One message in one frame or several, with control frames between them.
    private func frames(_ text: [UInt8]) -> [UInt8] {
        guard self.random.below(4) == 0 else { return Self.frame(1, text) }
        let cut = self.random.below(text.count + 1)
        let first = Self.frame(1, Array(text[..<cut]), isFinal: false)
        let between = self.random.flip() ? Self.frame(9, [0x68, 0x69]) : []
        return first + between + Self.frame(0, Array(text[cut...]))
    }

    static func frame(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        let mask: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | opcode]
        switch payload.count {
        case ..<126: bytes.append(0x80 | UInt8(payload.count))
        case ..<65_536: bytes += [0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            bytes.append(0xFF)
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(payload.count >> shift & 0xFF)) }
        }
        bytes += mask
        for (index, byte) in payload.enumerated() { bytes.append(byte ^ mask[index & 3]) }
        return bytes
    }

    // MARK: Answers

    /// The messages in the bytes of a WebSocket. Pings are answered, a close ends the connection.
    func frames(_ bytes: [UInt8], on connection: ClientConnection) throws(ResponseParser.Malformed) -> [[UInt8]] {
        self.frameBytes += bytes
        var messages: [[UInt8]] = []
        var start = 0
        while self.frameBytes.count - start >= 2 {  // Bound: the bytes received.
            let (first, second) = (self.frameBytes[start], self.frameBytes[start + 1])
            guard first & 0x70 == 0, first & 0x80 != 0, second & 0x80 == 0 else {
                throw ResponseParser.Malformed(text: "a frame that begins with \(first) \(second)")
            }
            let wide = second == 127 ? 8 : second == 126 ? 2 : 0
            guard self.frameBytes.count - start >= 2 + wide else { break }
            let extended = self.frameBytes[(start + 2)..<(start + 2 + wide)].reduce(0) { $0 << 8 | Int($1) }
            let length = wide == 0 ? Int(second) : extended
            let content = start + 2 + wide
            guard self.frameBytes.count - content >= length else { break }
            let payload = Array(self.frameBytes[content..<(content + length)])
            start = content + length
            switch first & 0x0F {
            case 1: messages.append(payload)
            case 8: connection.sendBehind(Self.frame(8, Array(payload.prefix(2))))
            case 9: connection.sendBehind(Self.frame(10, payload))
            case 10: if payload != [0x68, 0x69] { throw ResponseParser.Malformed(text: "a pong for no ping") }
            default: throw ResponseParser.Malformed(text: "a frame of the kind \(first & 0x0F)")
            }
        }
        self.frameBytes.removeSubrange(0..<start)
        return messages
    }

    func upgraded() { self.streamOpened() }

    func messageReceived(_ exchange: Exchange, on connection: ClientConnection) {
        guard !exchange.isPending else { return }
        self.carrier?.parts.removeAll { $0 === exchange }
        if exchange.kind == .initialize {
            if exchange.outcome == .answered(status: 200, code: nil) {
                self.isReady = true
                self.transmit("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", nil)
            } else {
                connection.close(resets: false)
            }
        }
        if self.world.isHealed, self.pendingParts.isEmpty { connection.close(resets: false) }
    }

    override func exchangeEnded(_ exchange: Exchange, _ head: ResponseParser.Head?) {
        if exchange.kind == .posted {
            guard exchange.outcome != .answered(status: 202, code: nil) else { return }
            // Refused or lost: nobody owes an answer.
            for part in exchange.parts { part.wasCancelled = true }
            if let link = self.link, self.world.isHealed, self.pendingParts.isEmpty { link.close(resets: false) }
            return
        }
        guard exchange === self.carrier, let link = self.link else { return }
        for part in exchange.parts where part.isPending { self.world.answers.cut(part, self.circumstances(of: part, on: link)) }
        self.carrier = nil
        self.link = nil
        self.isReady = false
    }

    private func circumstances(of part: Exchange, on link: ClientConnection) -> AnswerChecker.Circumstances {
        var circumstances = link.circumstances(of: part)
        let isOverflown = self.carrier?.mayOverflow ?? false
        // A client that is asked every few milliseconds whether it is there may be slower than that.
        let isHurried = self.world.configuration.limits.keepAlive < .milliseconds(500)
        circumstances.isSlowReader = circumstances.isSlowReader || isOverflown || isHurried && self.form == .webSocket
        // A message that was still on its way when the connection was told to end.
        circumstances.clientGaveUp = circumstances.clientGaveUp || self.world.isDraining
        if self.form == .eventStream {
            circumstances.isIncomplete = self.isBeingPosted(part)
            circumstances.wasRead = true
        }
        return circumstances
    }

    private func isBeingPosted(_ part: Exchange) -> Bool {
        self.connections.contains { $0.pending.contains { $0.parts.contains { $0 === part } } }
    }

    // MARK: Peace

    override func calmDown() {
        guard let link = self.link else { return }
        if self.pendingParts.isEmpty { link.close(resets: false) }
    }

    override var isSettled: Bool {
        self.pendingParts.isEmpty
            && self.connections.allSatisfy { connection in
                connection.isIdle || connection.isOver || connection === self.link && self.carrier != nil && !connection.isOver
            }
    }
}
