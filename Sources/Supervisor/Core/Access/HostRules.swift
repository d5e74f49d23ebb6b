public import Base

/// Which `Host` values are answered. A web page that made its own name resolve to this machine (DNS rebinding) sends that name
/// here, and nothing else tells it from a local client.
public struct HostRules: Sendable {
    /// Whole values in lower case: a name alone, or with a port of ours.
    private let exact: [[UInt8]]
    /// Names in lower case that an operator listed without a port: every port is accepted with them.
    private let anyPort: [[UInt8]]

    /// `listeners` are the addresses as bound: with the real port where 0 was asked for, and without inherited ones, whose
    /// addresses the caller puts in their place.
    public init(_ settings: HostSettings, listeners: [ListenAddress]) {
        var exact: [[UInt8]] = []
        var anyPort: [[UInt8]] = []
        for name in settings.names {
            let bytes = [UInt8](name.utf8)
            let hasPort = HostPort(bytes.span, ByteRange(0, bytes.count))?.port != nil
            if hasPort { exact.append(bytes) } else { anyPort.append(bytes) }
        }
        if settings.includesListeners {
            for listener in listeners {
                for name in Self.names(of: listener) where !exact.contains(name) { exact.append(name) }
            }
        }
        self.exact = exact
        self.anyPort = anyPort
    }

    /// The names of a listener, each alone and with its port. An unspecified address (0.0.0.0) has none.
    private static func names(of listener: ListenAddress) -> [[UInt8]] {
        switch listener {
        case .unix: return ["localhost"].map { [UInt8]($0.utf8) }
        case .inherited: return []
        case .tcp(let address, let port):
            guard !address.isUnspecified else { return [] }
            let own = address.isV4 ? "\(address)" : "[\(address)]"
            let names = address.isLoopback ? ["localhost", "127.0.0.1", "[::1]", own] : [own]
            return names.flatMap { [[UInt8]($0.utf8), [UInt8]("\($0):\(port)".utf8)] }
        }
    }

    /// Whether a request may be answered. Absent is fine: only HTTP/1.0 probes come without, never a browser.
    public func allows(_ bytes: Span<UInt8>, host: ByteRange?) -> Bool {
        guard let host else { return true }
        let value = bytes.extracting(host.range)
        for name in self.exact where Self.isEqual(value, name) { return true }  // Bound: four names a listener, and the file's.
        guard !self.anyPort.isEmpty, let parts = HostPort(bytes, host) else { return false }
        let name = bytes.extracting(parts.host.range)
        return self.anyPort.contains { Self.isEqual(name, $0) }
    }

    /// `name` is in lower case. Only ASCII letters are folded.
    private static func isEqual(_ value: Span<UInt8>, _ name: [UInt8]) -> Bool {
        guard value.count == name.count else { return false }
        if value.equals(name.span) { return true }  // As most senders write it.
        for index in value.indices where ASCII.lowercased(value[index]) != name[index] { return false }
        return true
    }
}

/// What an `Origin` field says about the page that made a request.
public enum OriginVerdict: Equatable, Sendable {
    /// No browser, or a browser that asks its own server.
    case absent
    /// A page of this server itself, by one of its own names.
    case own
    /// A page that the operator listed. It may read the answer: CORS fields are needed.
    case listed
    /// 403, without a challenge.
    case refused
}

/// Which pages may talk to the server (MCP "Streamable HTTP", security warning; RFC 6454).
public struct OriginRules: Sendable {
    /// Exact, in lower case.
    private let listed: [[UInt8]]
    private let hosts: HostRules

    public init(_ settings: CORSSettings, hosts: HostRules) {
        self.listed = settings.origins.map { [UInt8]($0.utf8) }
        self.hosts = hosts
    }

    public func verdict(_ bytes: Span<UInt8>, origin: ByteRange?) -> OriginVerdict {
        guard let origin else { return .absent }
        let value = bytes.extracting(origin.range)
        for candidate in self.listed where candidate.span.equals(value) { return .listed }
        for scheme in ["http://", "https://"] as [StaticString] {
            let count = scheme.utf8CodeUnitCount
            guard value.count > count, value.extracting(0..<count).equals(scheme) else { continue }
            let authority = ByteRange(origin.lowerBound + count, origin.upperBound)
            // `HostPort` refuses paths and user information, which a name rule without port would let through.
            guard HostPort(bytes, authority) != nil else { return .refused }
            return self.hosts.allows(bytes, host: authority) ? .own : .refused
        }
        return .refused
    }
}
