import Base
import MCP
import Wire

/// WebSockets (RFC 6455), on the MCP endpoints and at `/ws`: one message a text frame, no extension.
extension Supervisor {
    /// A request that asks for a WebSocket. Host, Origin and credential have been checked as of every other.
    mutating func upgrade(_ key: ConnectionKey, _ server: Int, _ head: HTTPRequestHead, _ bytes: Span<UInt8>, at now: Instant) {
        guard !self.isDraining else { return self.refuseStream(key, at: now) }
        do throws(WebSocketRefusal) {
            let handshake = try WebSocketHandshake(head, in: bytes)
            guard self.makeDuplex(key, server, .webSocket, at: now) != nil else { return self.connectionLost(key, at: now) }
            self.prepareOutput(key)
            let date = self.date
            handshake.append(to: &self.connections[key].output, date: date.span, extra: self.withCORS(key))
        } catch {
            var refusal = Refusal(error.status, .invalidRequest, error.reason.description)
            refusal.headers = error.fields
            self.refuse(key, refusal, at: now)
        }
    }

    mutating func webSocketBytes(_ key: ConnectionKey, _ duplex: DuplexKey, _ bytes: Span<UInt8>, at now: Instant) {
        var position = 0
        while self.duplexes.contains(duplex) {  // Bound: every turn takes a frame or ends.
            guard !self.isInitializing(duplex) else {
                return self.connections[key].input.append(bytes.extracting(position..<bytes.count))
            }
            do throws(WebSocketError) {
                switch try self.duplexes[duplex].decoder?.next(in: bytes, from: &position) ?? WebSocketDecoder.Step.needMore {
                case .needMore: return
                case .message:
                    let message = self.duplexes[duplex].decoder?.message ?? []
                    self.duplexMessage(key, duplex, message.span, at: now)
                case .ping:
                    let payload = self.duplexes[duplex].decoder?.control ?? []
                    guard self.mayQueue(key, isFinal: false, at: now) else { return }
                    WebSocketFrame.appendPong(payload.span, to: &self.connections[key].output)
                case .pong: break  // That something came is all that matters.
                case .close(let code):
                    self.prepareOutput(key)
                    WebSocketFrame.appendCloseAnswer(code, to: &self.connections[key].output)
                    self.connections[key].closesAfterOutput = true
                    self.endDuplex(duplex, at: now)
                }
            } catch {
                self.prepareOutput(key)
                WebSocketFrame.appendClose(error, to: &self.connections[key].output)
                self.connections[key].closesAfterOutput = true
                self.endDuplex(duplex, at: now)
            }
        }
    }

    /// Nothing was sent for `keepAlive`: asks whether the client is still there. One that has not answered the last time is given up.
    mutating func pingWebSocket(_ key: ConnectionKey, _ duplex: DuplexKey, at now: Instant) {
        let next = now + self.configuration.limits.keepAlive
        // One that is behind with reading is watched by the write deadline, and we may not even be reading what it sends.
        guard self.connections[key].unsentBytes == 0, !self.connections[key].isReadingPaused else {
            return self.setDeadline(key, next)
        }
        guard !self.duplexes[duplex].isPinged else { return self.connectionLost(key, at: now) }
        self.duplexes[duplex].isPinged = true
        self.prepareOutput(key)
        let nothing: [UInt8] = []
        WebSocketFrame.appendPing(nothing.span, to: &self.connections[key].output)
        self.setDeadline(key, next)
    }
}
