import Base
import SupervisorCore

/// The client's end of one connection: sends in pieces, reads in pieces, matches responses to requests in order.
final class ClientConnection {
    let socket: SimSocket
    unowned let client: SimClient
    private let world: Simulation
    private var outbox: [UInt8] = []
    private var outboxSent = 0
    private var sentTotal = 0
    private var queuedTotal = 0
    /// Asked and not answered, in the order of asking.
    private(set) var pending: [Exchange] = []
    private var parser = ResponseParser()
    private var stream = EventStreamParser()
    private var head: ResponseParser.Head?
    private var body: [UInt8] = []
    private var nextReadAt: Instant
    private var nextWriteAt: Instant
    private(set) var isOver = false
    private(set) var gaveUp = false
    private(set) var sawClose = false
    private var brokeGrammar = false
    /// The request whose response said that it is the last one.
    private var lastAnswered: Exchange?

    init(_ socket: SimSocket, client: SimClient) {
        self.socket = socket
        self.client = client
        self.world = client.world
        self.nextReadAt = client.world.now
        self.nextWriteAt = client.world.now
    }

    var isIdle: Bool { self.pending.isEmpty && !self.hasUnsent }
    private var hasUnsent: Bool { self.outboxSent < self.outbox.count }
    /// More requests may be sent on it.
    var isOpen: Bool { !self.isOver && !self.gaveUp && !self.sawClose && !self.socket.endedForClient }

    func send(_ exchange: Exchange, _ bytes: [UInt8]) {
        exchange.startOffset = self.queuedTotal
        self.queuedTotal += bytes.count
        exchange.endOffset = self.queuedTotal
        exchange.isPipelined = !self.pending.isEmpty
        self.outbox += bytes
        self.pending.append(exchange)
        if exchange.closes { self.sawClose = true }
        self.world.answers.began(exchange)
        self.world.trace.add(
            "request", at: self.world.now, self.client.index, exchange.serial, "\(exchange.kind) on \(self.socket.serial)")
    }

    // MARK: Turns

    /// Does what can be done now; returns when there will be more, unless the socket changes before.
    func pump() -> Instant {
        guard !self.isOver else { return .distantFuture }
        let now = self.world.now
        if self.nextReadAt <= now { self.read(at: now) }
        if self.nextWriteAt <= now, !self.isOver { self.write(at: now) }
        guard !self.isOver else { return .distantFuture }
        var next = Instant.distantFuture
        if self.socket.hasForClient || self.socket.endedForClient { next = Swift.min(next, Swift.max(self.nextReadAt, now)) }
        if self.hasUnsent, self.socket.clientRoom > 0, !self.gaveUp { next = Swift.min(next, Swift.max(self.nextWriteAt, now)) }
        return next
    }

    private func read(at now: Instant) {
        let profile = self.client.profile
        let bytes = self.socket.clientRead(self.world.isHealed ? 1 << 20 : profile.readChunk)
        if !bytes.isEmpty {
            self.nextReadAt = now + (self.world.isHealed ? .zero : profile.readPause)
            self.world.trace.mix(bytes.span)
            self.receive(bytes)
        }
        if self.socket.endedForClient { self.end() }
    }

    private func write(at now: Instant) {
        guard self.hasUnsent, !self.gaveUp else { return }
        var limit = self.world.isHealed ? 1 << 20 : self.client.profile.segment
        if !self.world.isHealed, self.client.random.permille(self.world.faults.torn) {
            limit = Swift.min(limit, self.client.random.size(1...512))
        }
        let sent = self.socket.clientSend(
            self.outbox.span.extracting(self.outboxSent..<Swift.min(self.outboxSent + limit, self.outbox.count)),
            overtakes: self.client.random.flip())
        self.outboxSent += sent
        if !self.hasUnsent {
            self.outbox.removeAll(keepingCapacity: true)
            self.outboxSent = 0
        }
        self.sentTotal += sent
        self.nextWriteAt = now + self.client.profile.segmentPause
    }

    // MARK: Ends

    func close(resets: Bool) {
        guard !self.isOver else { return }
        self.gaveUp = true
        self.socket.clientClose(resets: resets)
        self.world.trace.add("leave", at: self.world.now, self.client.index, self.socket.serial, resets ? "reset" : "close")
        self.end()
    }

    func halfClose() {
        guard !self.gaveUp else { return }
        self.gaveUp = true
        self.socket.clientHalfClose()
        self.world.trace.add("half-close", at: self.world.now, self.client.index, self.socket.serial)
    }

    private func end() {
        guard !self.isOver else { return }
        self.isOver = true
        // Such a stream ends with its connection; without its answer it was cut off.
        if self.parser.isUntilClose, let head = self.head, let exchange = self.pending.first, !exchange.isPending {
            self.finish(exchange, head)
        }
        for exchange in self.pending {
            self.world.answers.cut(exchange, self.circumstances(of: exchange))
            self.world.trace.add("cut", at: self.world.now, self.client.index, exchange.serial)
            self.client.exchangeEnded(exchange, nil)
        }
        self.pending.removeAll()
        self.socket.clientClose(resets: false)
    }

    func circumstances(of exchange: Exchange) -> AnswerChecker.Circumstances {
        AnswerChecker.Circumstances(
            clientGaveUp: self.gaveUp || self.brokeGrammar, isSlowReader: self.client.profile.isSlow,
            wasAnnounced: self.lastAnswered.map { $0 !== exchange } ?? self.world.wasRefused(self.socket),
            wasRead: self.socket.readTotal > exchange.startOffset, clockJumped: self.world.clockJumps > 0,
            drainExpired: self.world.isDrainExpired, isIncomplete: self.sentTotal < exchange.endOffset,
            isBehindStream: self.pending.first.map { $0 !== exchange && $0.mayOverflow } ?? false,
            sessionMayBeGone: self.client.sessionMayBeGone(exchange), mayBeForgotten: self.mayBeForgotten(exchange),
            isDraining: self.world.isDraining,
            bodyBytesMax: self.world.configuration.limits.bodyBytesMax)
    }

    private func mayBeForgotten(_ exchange: Exchange) -> Bool {
        let limits = self.world.configuration.limits
        return limits.events < 1_000 || limits.eventBytesMax < 8 << 20 || limits.eventBytesTotal < 64 << 20
            || self.world.faults.hugeAnswer > 0 || self.world.clockJumps > 0
            || self.world.now - exchange.cursor.lostAt >= limits.eventAge / 2
    }

    // MARK: Responses

    private func receive(_ bytes: [UInt8]) {
        do throws(ResponseParser.Malformed) {
            self.parser.feed(bytes)
            while true {  // Bound: the bytes received.
                let events = try self.parser.next(isHead: self.pending.first?.isHead ?? false)
                guard !events.isEmpty else { return }
                for event in events {
                    switch event {
                    case .head(let head): self.began(head)
                    case .body(let bytes): try self.bodyReceived(bytes)
                    case .end: if let head = self.head { self.finish(self.pending.first, head) }
                    }
                }
            }
        } catch {
            self.brokeGrammar = true
            self.world.judge.report("http", "connection \(self.socket.serial) of client \(self.client.index): \(error.text)")
        }
    }

    private func began(_ head: ResponseParser.Head) {
        self.head = head
        self.body = []
        self.stream = EventStreamParser()
        if head.closes {
            self.sawClose = true
            self.lastAnswered = self.pending.first
        }
        guard let exchange = self.pending.first else {
            return self.world.judge.report("answers", "client \(self.client.index) received a response without having asked")
        }
        exchange.status = head.status
        if head.status == 101 {
            guard let carrier = self.carrier else {
                if exchange.kind == .hostile { return }
                return self.world.judge.report("answers", "an upgrade that was not asked for")
            }
            carrier.upgraded()
        }
        if head.isEventStream {
            let mayStream: Bool =
                switch exchange.kind {
                case .call, .list, .batch, .sessionStream, .listen, .duplex, .hostile: true
                case .local, .initialize, .notification, .delete, .health, .preflight, .posted: false
                }
            if !mayStream { self.world.judge.report("answers", "a stream for \(exchange.kind)") }
        }
    }

    private func bodyReceived(_ bytes: [UInt8]) throws(ResponseParser.Malformed) {
        if let carrier = self.carrier, self.head?.status == 101 {
            for data in try carrier.frames(bytes, on: self) { self.duplexMessage(carrier, data) }
            return
        }
        guard let head = self.head, head.isEventStream else {
            self.body += bytes
            return
        }
        for event in try self.stream.feed(bytes) {
            if let carrier = self.carrier {
                if let data = event.data { self.duplexMessage(carrier, data) }
                continue
            }
            guard let exchange = self.pending.first else { return }
            if let fault = exchange.cursor.received(event) {
                self.world.judge.report("events", "the stream of request \(exchange.serial): \(fault)")
            }
            guard let data = event.data else { continue }
            self.world.foreign.received(data, client: self.client.index, exchange: exchange)
            self.world.trace.add("event", at: self.world.now, self.client.index, exchange.serial, AnswerChecker.text(data))
            guard exchange.kind != .hostile else { continue }
            guard let target = self.world.answers.target(exchange, data) else {
                self.world.judge.report(
                    "answers", "an event for no part of the batch \(exchange.serial): \(AnswerChecker.text(data))")
                return
            }
            let asked = target.questions.count
            self.world.answers.message(target, data, status: nil)
            if target.questions.count > asked, let question = target.questions.last { self.client.asked(target, question) }
        }
    }

    // MARK: Both ways

    var isUpgraded: Bool { self.head?.status == 101 }

    /// Set while this connection carries a duplex stream.
    private var carrier: DuplexClient? {
        self.pending.first?.kind == .duplex ? self.client as? DuplexClient : nil
    }

    private func duplexMessage(_ carrier: DuplexClient, _ data: [UInt8]) {
        guard let exchange = self.pending.first else { return }
        guard data.first != 0x2F else { return carrier.endpointNamed(data, on: self) }
        self.world.foreign.received(data, client: self.client.index, exchange: exchange)
        self.world.trace.add("message", at: self.world.now, self.client.index, exchange.serial, AnswerChecker.text(data))
        guard let target = self.world.answers.target(exchange, data) else {
            return self.world.judge.report(
                "answers", "a message for no request on the stream \(exchange.serial): \(AnswerChecker.text(data))")
        }
        self.world.answers.message(target, data, status: nil)
        carrier.messageReceived(target, on: self)
    }

    /// Sends bytes behind the request that opened the stream; `part` is the request they hold.
    func sendBehind(_ bytes: [UInt8], part: Exchange? = nil) {
        guard !self.gaveUp else { return }
        part?.startOffset = self.queuedTotal
        self.queuedTotal += bytes.count
        part?.endOffset = self.queuedTotal
        self.outbox += bytes
    }

    private func finish(_ exchange: Exchange?, _ head: ResponseParser.Head) {
        guard let exchange else { return }
        if head.isEventStream, !self.stream.isAtBoundary {
            self.world.judge.report("http", "a stream ended inside an event")
        }
        self.world.foreign.received(self.body, client: self.client.index, exchange: exchange)
        self.world.answers.responded(exchange, head, self.body, self.circumstances(of: exchange))
        self.world.trace.add(
            "answer", at: self.world.now, self.client.index, exchange.serial, "\(head.status) \(exchange.outcome)")
        // Of hostile bytes nobody knows how many requests they were.
        if exchange.kind != .hostile { self.pending.removeFirst() }
        self.head = nil
        self.body = []
        if head.status == 503 { self.client.backOff() }
        self.client.exchangeEnded(exchange, head)
    }
}
