public import Base
import MCP
import Wire

/// `mcp-supervisor stdio`: one local client on stdin and stdout, one message a line.
extension Supervisor {
    /// The client of this process is there. Called once, before anything else of it. Nil when all connections are in use.
    public mutating func standardStreamsOpened(at now: Instant) -> ConnectionKey? {
        let peer = PeerAddress(network: 0, isUnix: true)
        guard let key = self.connectionOpened(peer: peer, requiresCredential: false, at: now) else { return nil }
        let server = self.configuration.defaultServer
        self.connections[key].exchange.route = .mcp(server: server)
        guard self.makeDuplex(key, server, .lines, at: now) != nil else {
            self.connectionLost(key, at: now)
            return nil
        }
        self.standardStreams = key
        return key
    }

    mutating func standardInputBytes(_ key: ConnectionKey, _ duplex: DuplexKey, _ bytes: Span<UInt8>, at now: Instant) {
        var position = 0
        while self.duplexes.contains(duplex) {  // Bound: every turn takes a line or ends.
            guard !self.isInitializing(duplex) else {
                return self.connections[key].input.append(bytes.extracting(position..<bytes.count))
            }
            switch self.duplexes[duplex].splitter?.next(in: bytes, from: &position) ?? LineSplitter.Line.none {
            case .none: return
            case .inline(let range): self.duplexMessage(key, duplex, bytes.extracting(range.range), at: now)
            case .buffered:
                let line = self.duplexes[duplex].splitter?.line ?? []
                self.duplexMessage(key, duplex, line.span, at: now)
            case .tooLong:
                self.refuse(key, Refusal(400, .invalidRequest, "a line is longer than `limits.body` allows"), at: now)
            }
        }
    }

    /// stdin is at its end. A last line without its LF counts: nothing can follow that would belong to it.
    mutating func standardInputEnded(_ key: ConnectionKey, at now: Instant) {
        guard case .duplex(let duplex) = self.connections[key].phase, self.duplexes.contains(duplex) else { return }
        let lineEnd: [UInt8] = [0x0A]
        self.duplexBytes(key, duplex, lineEnd.span, at: now)
        self.abandonUnanswerable(at: now)
    }

    /// The client has ended its input. What it asked for is still answered; then the process may end.
    mutating func continueStandardStreams(at now: Instant) {
        guard let key = self.standardStreams, self.connections.contains(key), self.connections[key].inputEnded,
            case .duplex(let duplex) = self.connections[key].phase, self.duplexes.contains(duplex),
            self.duplexes[duplex].calls.isEmpty, self.connections[key].input.isEmpty
        else { return }
        self.closeDuplex(key, duplex, .normal, at: now)
        if self.configuration.listeners.isEmpty, !self.isDraining { self.drainRequested(at: now) }
    }

    /// The client is gone, for whatever reason. Without listeners nobody else can come.
    mutating func standardStreamsLost(at now: Instant) {
        self.standardStreams = nil
        if self.configuration.listeners.isEmpty, !self.isDraining { self.drainRequested(at: now) }
    }
}
