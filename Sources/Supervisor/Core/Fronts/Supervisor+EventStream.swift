import Base
import MCP
import Wire

/// HTTP+SSE of revision 2024-11-05: a GET opens the stream, which first says where the client's messages are to be POSTed. The
/// answers come on the stream, never in the response of the POST.
extension Supervisor {
    mutating func openEventStream(
        _ key: ConnectionKey, _ server: Int, _ head: HTTPRequestHead, _ bytes: Span<UInt8>, at now: Instant
    ) {
        guard !self.isDraining else { return self.refuseStream(key, at: now) }
        let id = self.unguessable.next()
        self.appendStreamHead(key)
        guard self.makeDuplex(key, server, .events(id), at: now) != nil else {
            return self.connectionLost(key, at: now)
        }
        var address: [UInt8] = [UInt8](bytes, head.path)
        address.removeLast("sse".utf8.count)
        address.append("messages?session_id=")
        id.append(to: &address)
        self.prepareOutput(key)
        if self.connections[key].exchange.isHTTP10 {
            SSE.appendEvent(name: "endpoint", data: address.span, to: &self.connections[key].output)
        } else {
            let mark = HTTPChunk.begin(into: &self.connections[key].output)
            SSE.appendEvent(name: "endpoint", data: address.span, to: &self.connections[key].output)
            HTTPChunk.end(mark, into: &self.connections[key].output)
        }
    }

    /// A message that a client of such a stream POSTed.
    mutating func eventStreamMessage(
        _ key: ConnectionKey, _ server: Int, _ head: HTTPRequestHead, _ bytes: Span<UInt8>, _ message: Span<UInt8>,
        at now: Instant
    ) {
        guard let text = head.query.flatMap({ Self.parameter("session_id=", bytes, $0) }),
            let id = SessionID(bytes.extracting(text.range))
        else {
            return self.refuse(key, Refusal(400, .serverError, "the query must name the session_id of an open stream"), at: now)
        }
        // Unknown and somebody else's are answered alike.
        guard let duplex = self.duplexes.eventStream(id), self.duplexes[duplex].server == server,
            self.connections[self.duplexes[duplex].connection].exchange.principal == self.connections[key].exchange.principal
        else {
            return self.refuse(key, Refusal(404, .sessionNotFound, "no such session; open a new stream"), at: now)
        }
        // Bound: what is refused or answered at once counts as no call, and waits in the stream all the same.
        guard self.connections[self.duplexes[duplex].connection].unsentBytes <= self.configuration.limits.streamBytesMax else {
            var refusal = Refusal(429, .serverError, "the answers that wait in the event stream must be read first")
            refusal.headers = Self.retryAfter(.seconds(1))
            return self.refuse(key, refusal, at: now)
        }
        if let refusal = self.unreadable(message) { return self.refuse(key, refusal, at: now) }
        let accepted = [UInt8]("Accepted")
        self.respond(key, 202, "text/plain; charset=utf-8", headers: self.withCORS(key), body: accepted.span, at: now)
        self.duplexMessage(self.duplexes[duplex].connection, duplex, message, at: now)
    }

    /// Why the body is no message at all: told in the response, as its sender can match no event to it.
    private mutating func unreadable(_ message: Span<UInt8>) -> Refusal? {
        do {
            _ = try self.scanner.scan(message)
            return nil
        } catch .batch {
            return nil
        } catch {
            return self.refusal(for: error, message)
        }
    }

    /// The value of a component of a query, named with its `=`; a later one wins nothing over the first.
    static func parameter(_ name: StaticString, _ bytes: Span<UInt8>, _ query: ByteRange) -> ByteRange? {
        var start = query.lowerBound
        while start < query.upperBound {  // Bound: the length of the query.
            var end = start
            while end < query.upperBound, bytes[end] != 0x26 { end += 1 }
            if bytes.extracting(start..<end).hasPrefix(name) { return ByteRange(start + name.utf8CodeUnitCount, end) }
            start = end + 1
        }
        return nil
    }
}
