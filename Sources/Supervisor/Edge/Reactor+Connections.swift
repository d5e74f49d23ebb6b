import Base
import Linux
import SupervisorCore

/// Listeners and client sockets.
extension Reactor {
    /// Bound: connections accepted from one listener in one turn, so that clients already here are not kept waiting.
    private static var acceptsPerTurn: Int { 64 }

    private var mayAccept: Bool { !self.isAcceptingPaused && self.acceptAgainAt == nil }

    mutating func accept(_ index: Int) {
        var aborted: Errno?
        for _ in 0..<Self.acceptsPerTurn {
            guard self.mayAccept, let listener = self.listeners[index].descriptor else { return }
            do {
                switch try Socket.accept(listener) {
                case .connection(let descriptor, let address):
                    self.acceptFailures = 0
                    aborted = nil
                    self.open(descriptor, address, self.listeners[index].requiresCredential)
                case .wouldBlock: return
                case .aborted(let errno): aborted = errno
                case .exhausted(let errno): return self.acceptFailed(SystemError(errno, "accept4"))
                }
            } catch {
                return self.acceptFailed(error)
            }
        }
        // One connection may be gone before it is accepted; a whole turn of them is something else that lasts.
        if let aborted { self.acceptFailed(SystemError(aborted, "accept4")) }
    }

    /// The listener stays readable, so look away for a moment instead of spinning. Told at the 1st, 2nd, 4th, 8th … time in a row.
    private mutating func acceptFailed(_ error: SystemError) {
        self.acceptFailures += 1
        if self.acceptFailures & (self.acceptFailures - 1) == 0 {
            self.log.write(
                LogEvent(
                    .error, "cannot accept connections; they wait in the kernel",
                    [.text("error", error.description), .number("count", self.acceptFailures)]))
        }
        self.acceptAgainAt = self.now + .milliseconds(100)
        self.updateListeners()
    }

    /// Makes the epoll hold the listeners exactly while connections are wanted.
    mutating func updateListeners() {
        for index in self.listeners.indices {
            guard let descriptor = self.listeners[index].descriptor, self.listeners[index].isWatched != self.mayAccept else {
                continue
            }
            guard self.mayAccept else {
                try? self.epoll.remove(descriptor)
                self.listeners[index].isWatched = false
                continue
            }
            do {
                try self.epoll.add(descriptor, .readable, data: Token(.listener, index: index).word)
                self.listeners[index].isWatched = true
            } catch {
                return self.acceptFailed(error)  // Which takes out again what was put in; it does not come back here.
            }
        }
    }

    private mutating func open(_ descriptor: FileDescriptor, _ address: SocketAddress, _ requiresCredential: Bool) {
        guard let key = self.supervisor.connectionOpened(peer: address.peer, requiresCredential: requiresCredential, at: self.now)
        else {
            return descriptor.close()
        }
        self.sockets.leftover(inSlotOf: key)?.descriptor.close()
        self.sockets[key] = nil
        do {
            try self.epoll.add(descriptor, .readable, data: Token(.connection, key).word)
            self.sockets[key] = .init(descriptor: descriptor, key: key, interest: .readable)
            // A client with a key has mostly sent it by now. Whoever is accepted next then finds it among those that have.
            if requiresCredential { self.readConnection(key, descriptor) }
        } catch {
            self.supervisor.connectionLost(key, at: self.now)
            descriptor.close()
        }
    }

    mutating func pauseAccepting() {
        self.isAcceptingPaused = true
        self.updateListeners()
    }

    mutating func resumeAccepting() {
        self.isAcceptingPaused = false
        self.updateListeners()
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
        if !events.isDisjoint(with: [.hangup, .error]) { return self.supervisor.connectionLost(key, at: self.now) }
        // The client of a paused connection sends no more. Told once; the event would come again and again.
        if events.contains(.readHangup), self.sockets[key]?.interest.contains(.readHangup) == true {
            self.setInterest(key, removing: .readHangup)
            self.supervisor.inputEnded(key, at: self.now)
        }
    }

    private mutating func readConnection(_ key: ConnectionKey, _ descriptor: FileDescriptor) {
        var span = self.readBuffer.mutableSpan
        do {
            switch try descriptor.receive(into: &span) {
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
        if self.standardStreams?.key == key { return self.writeStandardOutput() }
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
        if self.standardStreams?.key == key { return self.setStandardInput(isRead: added.contains(.readable)) }
        guard var socket = self.sockets[key] else { return }
        let interest = socket.interest.union(added).subtracting(removed)
        guard interest != socket.interest else { return }
        socket.interest = interest
        self.sockets[key] = socket
        try? self.epoll.modify(socket.descriptor, interest, data: Token(.connection, key).word)
    }

    mutating func shutDownConnection(_ key: ConnectionKey) {
        if self.standardStreams?.key == key { return self.endStandardOutput() }
        guard let socket = self.sockets[key] else { return }
        // Expected: ENOTCONN when the peer was faster; its hang-up event follows.
        try? socket.descriptor.shutDown(.writing)
    }

    mutating func closeConnection(_ key: ConnectionKey) {
        if self.standardStreams?.key == key { return self.closeStandardStreams() }
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
            // Of IPv6 the /64: what one customer of a network usually holds.
            PeerAddress(network: endpoint.address.isV4 ? endpoint.address.low & 0xFFFF_FFFF : endpoint.address.high)
        case .unix, .other: PeerAddress(network: 0, isUnix: true)
        }
    }
}
