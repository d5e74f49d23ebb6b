import Base

/// One simulated client with its connections. What it asks for is the subclass's; how it reads, writes and misbehaves on sockets
/// is its profile's.
class SimClient {
    let index: Int
    unowned let world: Simulation
    var profile: Plan.ClientProfile
    var random: PRNG
    private(set) var connections: [ClientConnection] = []
    var nextActAt: Instant
    private var patience: Interval
    /// The wake that is scheduled; others are stale.
    var wakeAt = Instant.distantFuture

    init(index: Int, world: Simulation, profile: Plan.ClientProfile, random: PRNG) {
        self.index = index
        self.world = world
        self.profile = profile
        self.random = random
        self.nextActAt = world.now
        self.patience = profile.thinkTime
    }

    /// Runs at every wake; returns when it wants the next one.
    func step() -> Instant {
        var next = Instant.distantFuture
        for connection in self.connections { _ = connection.pump() }
        self.connections.removeAll { $0.isOver }
        if self.nextActAt <= self.world.now {
            let asked = self.world.foreign.count
            self.nextActAt = .distantFuture
            self.act()  // May set it, when it meets a refusal.
            // One that waits for something looks less and less often.
            self.patience = self.world.foreign.count > asked ? self.profile.thinkTime : Swift.min(self.patience * 2, .seconds(1))
            let next = self.world.now + self.random.interval(.microseconds(10)...Swift.max(.microseconds(11), self.patience))
            self.nextActAt = self.nextActAt == .distantFuture ? next : Swift.max(next, self.nextActAt)
        }
        for connection in self.connections { next = Swift.min(next, connection.pump()) }
        // In peace nobody keeps others out with connections that are not used.
        if self.world.isHealed { for connection in self.connections where connection.isIdle { connection.close(resets: false) } }
        self.connections.removeAll { $0.isOver }
        return Swift.min(next, self.wantsToAct ? self.nextActAt : .distantFuture)
    }

    var wantsToAct: Bool { self.profile.budget > 0 && !self.world.isHealed && self.world.isListening }

    /// Begins something new.
    func act() {}

    func exchangeEnded(_ exchange: Exchange, _ head: ResponseParser.Head?) {}

    /// A worker's question came on the stream of `exchange`.
    func asked(_ exchange: Exchange, _ question: [UInt8]) {}

    func sessionMayBeGone(_ exchange: Exchange) -> Bool { false }

    /// Peace: patient from now on, streams are given back, what is pending is waited for.
    func calmDown() {
        for connection in self.connections where connection.pending.contains(where: { $0.kind.isStream || $0.kind == .hostile }) {
            connection.close(resets: false)
        }
    }

    /// Everything that was asked has come to an end.
    var isSettled: Bool { self.connections.allSatisfy { $0.isIdle } }

    func closeAll() {
        for connection in self.connections { connection.close(resets: false) }
        self.connections.removeAll()
    }

    func connect() -> ClientConnection? {
        guard let socket = self.world.connect(self.index) else { return nil }
        let connection = ClientConnection(socket, client: self)
        self.connections.append(connection)
        return connection
    }

    /// An open connection with room for a further request, or a new one.
    func connection() -> ClientConnection? {
        if let open = self.connections.first(where: {
            $0.isOpen && $0.pending.count < self.profile.pipeline && !$0.pending.contains { $0.kind.isStream }
        }) {
            return open
        }
        return self.connections.count < 4 ? self.connect() : nil
    }

    /// Misbehaviour on the network, for the clients that are otherwise good.
    func disturb() {
        guard let connection = self.connections.first(where: { !$0.pending.isEmpty }) else { return }
        let faults = self.world.faults
        if self.random.permille(faults.reset) { return connection.close(resets: true) }
        if self.random.permille(faults.leave) { return connection.close(resets: false) }
        if self.random.permille(faults.halfClose) { return connection.halfClose() }
    }

    /// Refused for now: most clients wait, some do not.
    func backOff() {
        guard self.random.below(8) != 0 else { return }
        self.nextActAt = self.world.now + self.random.interval(.milliseconds(5) ... .seconds(1))
    }

    // MARK: Material

    /// Few ids, so that different clients use the same ones all the time; the types differ.
    func id() -> String {
        self.random.one(of: [
            "1", "2", "\"1\"", "0", "-1", "9007199254740991", "\"a\"", "\"\"", "\"\\u0041\"", "\"ü\"", "1048577", "2097152",
        ])
    }

    func exchange(
        _ kind: Exchange.Kind, server: Int = 0, isModern: Bool = true, id: String = "", progressToken: String = ""
    ) -> Exchange {
        Exchange(
            serial: self.world.foreign.own(client: self.index), client: self.index, kind: kind, server: server,
            isModern: isModern,
            id: [UInt8](id.utf8), progressToken: [UInt8](progressToken.utf8), at: self.world.now)
    }

    /// Arguments whose bytes must arrive unchanged, with lexemes that a decoder would change. Sets `arguments` to what the worker
    /// must see: line ends between tokens become spaces, since its channel has one message a line.
    func arguments(_ exchange: Exchange) -> String {
        let value = self.random.one(of: ["1.0", "1e5", "-0", "0.10", "\"\\u00e9\\/\"", "\"é\"", "[1,[2,{}]]", "null", "1E+2"])
        let gap = self.random.one(of: ["", "", " ", "\n", "\r\n", "\t"])
        var padding = ""
        if self.random.below(8) == 0 { padding = String(repeating: "x", count: self.random.size(1...200_000)) }
        let text = "{\"nonce\":\"\(exchange.nonce)\",\(gap)\"value\":\(gap)\(value)\(gap),\"padding\":\"\(padding)\"}"
        exchange.arguments = text.utf8.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }
        return text
    }
}
