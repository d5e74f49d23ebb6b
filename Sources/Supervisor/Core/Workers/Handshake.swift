import Base
import MCP
import Wire

/// The first request on a worker's channel, and what its answer tells.
///
/// A legacy worker gets `initialize`, a modern one `server/discover`. Both are sent with id 0, which no call ever has.
enum Handshake {
    static let id: Int64 = 0

    static let initialized: StaticString = """
        {"jsonrpc":"2.0","method":"notifications/initialized"}

        """
    /// `capabilities` is what every client of the worker can do. A modern one is told with each request.
    static func append(for era: Revision.Era, _ capabilities: ClientCapabilities, to line: inout [UInt8]) {
        switch era {
        case .legacy:
            line.append(#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","#)
            line.append(#""capabilities":"#)
            capabilities.append(to: &line)
            line.append(#","clientInfo":"#)
            Self.appendClientInfo(to: &line)
            line.append("}}\n")
        case .modern:
            line.append(#"{"jsonrpc":"2.0","id":0,"method":"server/discover","params":{"_meta":{"#)
            Self.appendModernMeta(to: &line)
            line.append("}}}\n")
        }
    }

    /// Appends the members that every modern request has, for one of our own.
    static func appendModernMeta(to line: inout [UInt8]) {
        line.append(#""io.modelcontextprotocol/protocolVersion":"2026-07-28","#)
        line.append(#""io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":"#)
        Self.appendClientInfo(to: &line)
    }

    /// Who asks, as servers are told.
    static func appendClientInfo(to line: inout [UInt8]) {
        line.append(#"{"name":"mcp-supervisor","version":""#)
        line.append(Product.version)
        line.append(#""}"#)
    }

    enum Failure: Error, Equatable {
        /// The worker answered with an error.
        case refused
        /// It speaks no revision that we know.
        case revision
        /// The answer lacks a required member.
        case malformed
    }

    /// Reads the result of either request. `members` are those of the result.
    static func identity(
        _ era: Revision.Era, name: String, _ envelope: JSONRPCEnvelope, _ members: JSONMembers, _ bytes: Span<UInt8>
    ) throws(Failure) -> ServerIdentity {
        guard envelope.kind == .result else { throw .refused }
        var identity = ServerIdentity(era: era, serverInfo: [], instructions: [], capabilities: [])
        switch era {
        case .legacy:
            guard let version = members.value("protocolVersion", in: bytes) else { throw .malformed }
            guard let revision = Revision(bytes.extracting(JSONString.contents(version).range)), revision.era == .legacy else {
                throw .revision
            }
            identity.revision = revision
            if let info = members.value("serverInfo", in: bytes), jsonKind(bytes, info) == .object {
                identity.serverInfo = Self.line(bytes, info)
            }
        case .modern:
            guard let supported = members.value("supportedVersions", in: bytes) else { throw .malformed }
            guard Self.names(.latestModern, bytes, supported) else { throw .revision }
            identity.serverInfo = Self.serverInfo(inMetaOf: members, bytes)
        }
        if identity.serverInfo.isEmpty { identity.serverInfo = Self.serverInfo(named: name) }
        if let instructions = members.value("instructions", in: bytes), jsonKind(bytes, instructions) == .string {
            identity.instructions = Self.line(bytes, instructions)
        }
        guard let capabilities = members.value("capabilities", in: bytes) else { throw .malformed }
        identity.capabilities = Self.capabilities(bytes, capabilities)
        identity.changing = Self.changing(bytes, capabilities)
        return identity
    }

    private static func line(_ bytes: Span<UInt8>, _ range: ByteRange) -> [UInt8] {
        var copy: [UInt8] = []
        copy.appendLine(bytes, range)
        return copy
    }

    /// Whether the JSON array of strings names `revision`.
    static func names(_ revision: Revision, _ bytes: Span<UInt8>, _ array: ByteRange) -> Bool {
        let text = revision.text
        guard array.count >= text.utf8CodeUnitCount else { return false }
        // A revision's name holds no quote or backslash, so it can only be found as a whole element.
        for start in array.lowerBound...(array.upperBound - text.utf8CodeUnitCount)
        where bytes.extracting(start..<(start + text.utf8CodeUnitCount)).equals(text) {
            return true
        }
        return false
    }

    private static func serverInfo(inMetaOf members: JSONMembers, _ bytes: Span<UInt8>) -> [UInt8] {
        guard let meta = members.value("_meta", in: bytes) else { return [] }
        var scanner = JSONScanner(limits: .alreadyValidated)
        var inner = JSONMembers()
        guard (try? scanner.scanObject(bytes, at: meta, into: &inner)) != nil,
            let info = inner.value("io.modelcontextprotocol/serverInfo", in: bytes), jsonKind(bytes, info) == .object
        else { return [] }
        return Self.line(bytes, info)
    }

    private static func serverInfo(named name: String) -> [UInt8] {
        var info = [UInt8](#"{"name":"#)
        info.appendJSON(string: name)
        info.append(#","version":"unknown"}"#)
        return info
    }

    /// The lists whose changes are announced.
    private static func changing(_ bytes: Span<UInt8>, _ range: ByteRange) -> ListKinds {
        var scanner = JSONScanner(limits: .alreadyValidated)
        var members = JSONMembers()
        guard (try? scanner.scanObject(bytes, at: range, into: &members)) != nil else { return [] }
        var kinds: ListKinds = []
        let names: [(StaticString, ListKinds)] = [("tools", .tools), ("prompts", .prompts), ("resources", .resources)]
        for (name, kind) in names {
            var inner = JSONMembers()
            guard let value = members.value(name, in: bytes), jsonKind(bytes, value) == .object,
                (try? scanner.scanObject(bytes, at: value, into: &inner)) != nil,
                let changes = inner.value("listChanged", in: bytes), bytes.extracting(changes.range).equals("true")
            else { continue }
            kinds.insert(kind)
        }
        return kinds
    }

    /// The capabilities we carry.
    private static func capabilities(_ bytes: Span<UInt8>, _ range: ByteRange) -> [ServerIdentity.Capability] {
        var scanner = JSONScanner(limits: .alreadyValidated)
        var members = JSONMembers()
        guard (try? scanner.scanObject(bytes, at: range, into: &members)) != nil else { return [] }
        var found: [ServerIdentity.Capability] = []
        for name in CapabilityName.allCases {
            guard let value = members.value(name.text, in: bytes), jsonKind(bytes, value) == .object else { continue }
            guard name == .resources else {
                found.append(.init(name: name, value: Self.line(bytes, value)))
                continue
            }
            var inner = JSONMembers()
            try? scanner.scanObject(bytes, at: value, into: &inner)
            var flags: [UInt8] = [0x7B]
            var isFirst = true
            let flagNames: [StaticString] = ["subscribe", "listChanged"]
            for flag in flagNames {
                guard let set = inner.value(flag, in: bytes), bytes.extracting(set.range).equals("true") else { continue }
                RequestRewrite.separate(&isFirst, &flags)
                flags.append(0x22)
                flags.append(flag)
                flags.append("\":true")
            }
            flags.append(0x7D)
            found.append(.init(name: name, value: flags))
        }
        return found
    }
}
