import Base
import Linux
import SupervisorCore

/// Listeners and client sockets.
extension Reactor {
    mutating func watchListeners() throws(SystemError) {
        for (index, listener) in self.listeners.enumerated() {
            guard let descriptor = listener.descriptor else { continue }
            try self.epoll.add(descriptor, .readable, data: Token(.listener, index: index).word)
        }
        self.isAccepting = true
    }

    /// Bound: connections accepted from one listener in one turn, so that clients already here are not kept waiting.
    private static var acceptsPerTurn: Int { 64 }

    mutating func accept(_ index: Int) {
        for _ in 0..<Self.acceptsPerTurn {
            guard self.isAccepting, let listener = self.listeners[index].descriptor else { return }
            switch try? Socket.accept(listener) {
            case .connection(let descriptor, let address):
                self.open(descriptor, address, self.listeners[index].requiresCredential)
            case .wouldBlock, nil: return
            case .aborted: continue
            case .exhausted(let errno):
                // No descriptor left: the listener stays readable, so look away for a moment instead of spinning.
                self.log.write(LogEvent(.error, "cannot accept connections", [.text("error", errno.description)]))
                self.pauseAccepting()
                self.acceptAgainAt = self.now + .milliseconds(100)
                return
            }
        }
    }

    private mutating func open(_ descriptor: FileDescriptor, _ address: SocketAddress, _ requiresCredential: Bool) {
        guard let key = self.supervisor.connectionOpened(peer: address.peer, requiresCredential: requiresCredential, at: self.now)
        else {
            return descriptor.close()
        }
        self.sockets.leftover(inSlotOf: key)?.descriptor.close()
        do {
            try self.epoll.add(descriptor, .readable, data: Token(.connection, key).word)
            self.sockets[key] = .init(descriptor: descriptor, key: key, interest: .readable)
        } catch {
            self.supervisor.connectionLost(key, at: self.now)
            descriptor.close()
        }
    }

    mutating func pauseAccepting() {
        guard self.isAccepting else { return }
        self.isAccepting = false
        for listener in self.listeners {
            if let descriptor = listener.descriptor { try? self.epoll.remove(descriptor) }
        }
    }

    mutating func resumeAccepting() {
        guard !self.isAccepting, self.acceptAgainAt == nil else { return }
        try? self.watchListeners()
    }

    mutating func stopListening() {
        self.pauseAccepting()
        self.acceptAgainAt = nil
        for index in self.listeners.indices {
            // While we still listen: after the close another instance may take the file for stale and put its own there.
            if let path = self.listeners[index].path { try? Files.remove(path) }
            self.listeners[index].descriptor?.close()
            self.listeners[index].descriptor = nil
        }
    }

    mutating func connectionReady(_ token: Token, _ events: Epoll.Events) {
        // Expected: the connection was closed earlier in this turn.
        guard let key = self.sockets.key(token), let socket = self.sockets[key] else { return }
        if events.contains(.writable) { self.writeConnection(key) }
        if events.contains(.readable), socket.interest.contains(.readable) { return self.readConnection(key, socket.descriptor) }
        // Both directions are gone, and nothing is left to read.
        if !events.isDisjoint(with: [.hangup, .error]) { self.supervisor.connectionLost(key, at: self.now) }
    }

    private mutating func readConnection(_ key: ConnectionKey, _ descriptor: FileDescriptor) {
        var span = self.readBuffer.mutableSpan
        do {
            switch try descriptor.read(into: &span) {
            case .moved(let count):
                let buffer = self.readBuffer
                self.supervisor.bytesReceived(key, buffer.span.extracting(0..<count), at: self.now)
            case .wouldBlock: break
            case .ended:
                // Nothing more will be readable; the event would come again and again.
                self.setInterest(key, removing: .readable)
                self.supervisor.inputEnded(key, at: self.now)
            }
        } catch {
            self.supervisor.connectionLost(key, at: self.now)
        }
    }

    mutating func writeConnection(_ key: ConnectionKey) {
        guard let socket = self.sockets[key] else { return }
        let written = self.supervisor.withOutput(of: key) { bytes -> Int? in
            if bytes.isEmpty { return 0 }
            switch try? socket.descriptor.send(bytes) {
            case .moved(let count): return count
            case .wouldBlock: return 0
            case .ended, nil: return nil
            }
        }
        guard let result = written else { return }
        guard let count = result else { return self.supervisor.connectionLost(key, at: self.now) }
        self.supervisor.outputWritten(key, count, at: self.now)
        let isWaiting = socket.interest.contains(.writable)
        let hasMore = self.supervisor.hasOutput(key)
        if hasMore && !isWaiting { self.setInterest(key, adding: .writable) }
        if !hasMore && isWaiting { self.setInterest(key, removing: .writable) }
    }

    mutating func setInterest(_ key: ConnectionKey, adding added: Epoll.Events = [], removing removed: Epoll.Events = []) {
        guard var socket = self.sockets[key] else { return }
        let interest = socket.interest.union(added).subtracting(removed)
        guard interest != socket.interest else { return }
        socket.interest = interest
        self.sockets[key] = socket
        try? self.epoll.modify(socket.descriptor, interest, data: Token(.connection, key).word)
    }

    mutating func shutDownConnection(_ key: ConnectionKey) {
        guard let socket = self.sockets[key] else { return }
        // Expected: ENOTCONN when the peer was faster; its hang-up event follows.
        try? socket.descriptor.shutDown(.writing)
    }

    mutating func closeConnection(_ key: ConnectionKey) {
        guard let socket = self.sockets[key] else { return }
        self.sockets[key] = nil
        // Closing also removes it from the epoll: no duplicate of it exists, since every descriptor is close-on-exec.
        socket.descriptor.close()
    }
}

extension SocketAddress {
    /// The part of an address that limits count by.
    fileprivate var peer: PeerAddress {
        switch self {
        case .ip(let endpoint):
            switch endpoint.address.unmapped {
            case .v4(let address): PeerAddress(network: UInt64(address))
            // The /64: what one customer of a network usually holds.
            case .v6(let high, _, _): PeerAddress(network: high)
            }
        case .unix, .other: PeerAddress(network: 0, isUnix: true)
        }
    }
}
