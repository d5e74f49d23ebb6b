import Base
import Wire

/// Reads the `arguments` of one call and holds them to the tool's `inputSchema`.
struct ToolArguments {
    /// What a call may leave out, and the bounds it must keep.
    let configuration: SQLConfiguration

    private static let queryLimit = 100
    private static let viewLimit = 10
    /// No name of a view is longer.
    private static let nameBytesMax = 4_096

    /// `members` are those of the `arguments` object.
    func read(
        _ tool: SQLTool, _ bytes: Span<UInt8>, _ members: JSONMembers, _ style: ResultStyle
    ) throws(ToolFailure) -> ToolCall {
        var call = ToolCall(tool: tool, style: style)
        try self.refuseUnknown(tool, bytes, members)
        switch tool {
        case .listDatabases: break
        case .listViews:
            call.database = try self.database(bytes, members, isRequired: true)
            try self.checkSchema(bytes, members)
        case .describeView, .queryView:
            call.database = try self.database(bytes, members, isRequired: true)
            try self.checkSchema(bytes, members)
            call.viewName = try Self.string("view_name", bytes, members)
            guard call.viewName.count <= Self.nameBytesMax else { throw .unknownView(name: [UInt8]("…"), near: []) }
            if tool == .queryView { call.limit = try self.limit(bytes, members, standard: Self.viewLimit) }
        case .executeQuery:
            call.query = try Self.string("query", bytes, members)
            let most = self.configuration.limits.queryBytesMax
            guard call.query.count <= most else { throw .queryTooLong(bytesMax: most) }
            call.database = try self.database(bytes, members, isRequired: false)
            try self.checkSchema(bytes, members)
            call.limit = try self.limit(bytes, members, standard: Self.queryLimit)
        }
        return call
    }

    private func refuseUnknown(_ tool: SQLTool, _ bytes: Span<UInt8>, _ members: JSONMembers) throws(ToolFailure) {
        for member in members.members {
            let isKnown = Self.parameters(of: tool).contains { Self.hasKey(member, $0, bytes) }
            guard isKnown else { throw .argument(name: Self.key(member, bytes), .unknown) }
        }
    }

    /// In the order of the tool's schema.
    static func parameters(of tool: SQLTool) -> [StaticString] {
        switch tool {
        case .listDatabases: []
        case .listViews: ["database", "schema"]
        case .describeView: ["database", "schema", "view_name"]
        case .queryView: ["database", "schema", "view_name", "limit"]
        case .executeQuery: ["query", "database", "schema", "limit"]
        }
    }

    private static func key(_ member: JSONMember, _ bytes: Span<UInt8>) -> [UInt8] {
        // The key's range lies between its quotes.
        let quoted = ByteRange(member.key.lowerBound - 1, member.key.upperBound + 1)
        return Array(JSONString.unescape(bytes, quoted).prefix(64))
    }

    private static func hasKey(_ member: JSONMember, _ name: StaticString, _ bytes: Span<UInt8>) -> Bool {
        member.keyHasEscapes
            ? Self.key(member, bytes).span.equals(name) : bytes.extracting(member.key.range).equals(name)
    }

    private static func string(
        _ name: StaticString, _ bytes: Span<UInt8>, _ members: JSONMembers
    ) throws(ToolFailure) -> [UInt8] {
        guard let range = members.value(name, in: bytes) else { throw .argument(name: [UInt8](name), .missing) }
        guard jsonKind(bytes, range) == .string else { throw .argument(name: [UInt8](name), .notString) }
        let text = JSONString.unescape(bytes, range)
        guard !text.isEmpty else { throw .argument(name: [UInt8](name), .empty) }
        return text
    }

    private func database(_ bytes: Span<UInt8>, _ members: JSONMembers, isRequired: Bool) throws(ToolFailure) -> Int {
        let databases = self.configuration.databases
        if !isRequired, Self.isAbsent("database", bytes, members) {
            guard databases.count == 1 else { throw .databaseNeeded(known: databases.map(\.name)) }
            return 0
        }
        let name = try Self.string("database", bytes, members)
        for (index, database) in databases.enumerated() where database.name == name { return index }
        throw .unknownDatabase(name: name, known: databases.map(\.name))
    }

    /// An optional argument may also be written as null: some clients fill every property of a schema.
    private static func isAbsent(_ name: StaticString, _ bytes: Span<UInt8>, _ members: JSONMembers) -> Bool {
        guard let range = members.value(name, in: bytes) else { return true }
        return jsonKind(bytes, range) == .null
    }

    private func checkSchema(_ bytes: Span<UInt8>, _ members: JSONMembers) throws(ToolFailure) {
        if Self.isAbsent("schema", bytes, members) { return }
        let name = try Self.string("schema", bytes, members)
        guard name.span.equals("main") else { throw .unknownSchema(name: name) }
    }

    private func limit(_ bytes: Span<UInt8>, _ members: JSONMembers, standard: Int) throws(ToolFailure) -> Int {
        let most = self.configuration.limits.rowsMax
        if Self.isAbsent("limit", bytes, members) { return min(standard, most) }
        let refusal = ToolFailure.argumentRange(name: [UInt8]("limit"), lower: 1, upper: most)
        guard let range = members.value("limit", in: bytes), jsonKind(bytes, range) == .number else { throw refusal }
        guard let value = WholeNumber.read(bytes, range), value >= 1, value <= Int64(most) else { throw refusal }
        return Int(value)
    }
}
