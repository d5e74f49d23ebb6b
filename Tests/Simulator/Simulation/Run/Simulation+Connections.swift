import Base
import SupervisorCore

/// Listener and client sockets, as in the reactor.
extension Simulation {
    private static var acceptsPerTurn: Int { 64 }
    private static var readBytesMax: Int { 64 << 10 }

    /// Nil: nobody listens, or the backlog is full.
    func connect(_ client: Int) -> SimSocket? {
        guard self.isListening, self.backlog.count < Self.backlogMax else { return nil }
        self.socketCount += 1
        let socket = SimSocket(client: client, serial: self.socketCount, capacity: self.plan.socketCapacity)
        self.backlog.append(socket)
        self.trace.add("connect", at: self.now, client, socket.serial)
        return socket
    }

    /// Whether it was closed without having been served: all connections were in use, or the listener was closed.
    func wasRefused(_ socket: SimSocket) -> Bool { self.refusedSockets.contains(socket.serial) }

    func path(_ server: Int, _ random: inout PRNG) -> String {
        server == self.configuration.defaultServer && random.flip()
            ? "/mcp" : "/servers/\(self.configuration.servers[server].name)/mcp"
    }

    /// The machine wants connections, and descriptors have not just run out.
    var mayAccept: Bool { self.isAccepting && self.isListening && self.acceptAgainAt == nil }

    func accept() {
        for _ in 0..<Self.acceptsPerTurn {
            guard self.mayAccept, !self.backlog.isEmpty else { return }
            if self.random.permille(self.faults.descriptorsOut) {
                self.trace.add("EMFILE", at: self.now)
                self.acceptAgainAt = self.now + .milliseconds(100)
                return
            }
            let socket = self.backlog.removeFirst()
            let peer = PeerAddress(network: UInt64(socket.client))
            guard let key = self.supervisor.connectionOpened(peer: peer, requiresCredential: false, at: self.now) else {
                self.trace.add("refuse", at: self.now, socket.serial)
                self.refuse(socket)
                continue
            }
            self.trace.add("accept", at: self.now, socket.serial, Int(key.slot))
            socket.key = key
            self.sockets.append(socket)
        }
    }

    private func refuse(_ socket: SimSocket) {
        self.refusedSockets.insert(socket.serial)
        socket.serverClose(overtakes: false)
        self.wakeClient(of: socket)
    }

    func stopListening() {
        self.isListening = false
        self.isAccepting = false
        self.acceptAgainAt = nil
        for socket in self.backlog { self.refuse(socket) }
        self.backlog.removeAll()
    }

    func socket(_ key: ConnectionKey) -> SimSocket? { self.sockets.first { $0.key == key } }

    func wakeClient(of socket: SimSocket) { self.wake(self.clients[socket.client], after: self.plan.latency) }

    func socketReady(_ socket: SimSocket) {
        // Expected: the connection was closed earlier in this turn.
        guard let key = socket.key, self.socket(key) === socket else { return }
        let ready = socket.ready
        if ready.writable { self.writeConnection(key) }
        if ready.readable, socket.wantsReadable { return self.readConnection(key, socket) }
        if ready.hangup { self.supervisor.connectionLost(key, at: self.now) }
    }

    private func readConnection(_ key: ConnectionKey, _ socket: SimSocket) {
        // Expected: news of a connection that the machine has ended earlier in this turn.
        let isKnown = self.supervisor.withOutput(of: key) { _ in true } ?? false
        switch socket.serverRead(Self.readBytesMax) {
        case .moved(let bytes):
            guard !bytes.isEmpty else { return }
            if isKnown { socket.readTotal += bytes.count }
            self.trace.add("read", at: self.now, socket.serial, bytes.count)
            self.supervisor.bytesReceived(key, bytes.span, at: self.now)
            // There is room again.
            self.wakeClient(of: socket)
        case .ended:
            socket.wantsReadable = false
            self.trace.add("end of input", at: self.now, socket.serial)
            self.supervisor.inputEnded(key, at: self.now)
        case .failed:
            self.trace.add("reset", at: self.now, socket.serial)
            self.supervisor.connectionLost(key, at: self.now)
        }
    }

    func writeConnection(_ key: ConnectionKey) {
        guard let socket = self.socket(key) else { return }
        let written = self.supervisor.withOutput(of: key) { bytes -> Int? in
            if bytes.isEmpty { return 0 }
            return self.send(bytes, to: socket)
        }
        guard let result = written else { return }
        guard let count = result else { return self.supervisor.connectionLost(key, at: self.now) }
        if count > 0 {
            self.trace.add("write", at: self.now, socket.serial, count)
            self.wakeClient(of: socket)
        }
        self.supervisor.outputWritten(key, count, at: self.now)
        socket.wantsWritable = self.supervisor.hasOutput(key)
    }

    private func send(_ bytes: Span<UInt8>, to socket: SimSocket) -> Int? {
        switch self.canary {
        case .lostAnswer where self.random.below(100) == 0: return bytes.count
        case .doubleAnswer where self.random.below(100) == 0: _ = socket.serverSend(bytes)
        default: break
        }
        return socket.serverSend(bytes)
    }

    func closeConnection(_ key: ConnectionKey) {
        guard let index = self.sockets.firstIndex(where: { $0.key == key }) else {
            return self.judge.report("turns", "closed the connection \(key) which is not open")
        }
        let socket = self.sockets.remove(at: index)
        self.trace.add("close", at: self.now, socket.serial)
        socket.serverClose(overtakes: self.random.flip())
        self.wakeClient(of: socket)
    }
}
