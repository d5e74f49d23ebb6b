public import Base
public import Wire

/// What of a worker's result a client of an older revision cannot read, and what it gets instead. Members that are only additions
/// pass: every revision tells its readers to ignore what they do not know. These do not:
///
///     content audio                     from 2025-03-26    a text that names it
///     content resource_link             from 2025-06-18    a text with its name and uri
///     structuredContent, outputSchema   from 2025-06-18    left out; the content carries the same as text
///     the same, other than objects      from 2026-07-28    left out together: clients fail on one without the other
///     execution of a tool               2025-11-25 only    left out
///
/// A result that needs nothing is passed on as the bytes that it is.
public struct ResultDowngrade: Equatable, Sendable {
    /// What differs, in the form that `JSONObjectSplice` takes.
    public struct Changes: Equatable, Sendable {
        /// Members of the result that must not be copied.
        public let removing: [StaticText]
        /// Raw `"key":value` texts in their place, separated by commas, on one line; or empty.
        public let adding: [UInt8]

        public func removes(_ member: JSONMember, in bytes: Span<UInt8>) -> Bool {
            self.removing.contains { member.hasKey($0.text, in: bytes) }
        }
    }

    public let method: MCPMethod
    /// The client's.
    public let revision: Revision
    /// The worker's. A legacy worker knows nothing of 2026-07-28; within the era, workers do not keep to what they negotiated.
    public let workerEra: Revision.Era

    public init(method: MCPMethod, revision: Revision, workerEra: Revision.Era) {
        self.method = method
        self.revision = revision
        self.workerEra = workerEra
    }

    /// Whether any result of the method can need a change. False for all that is hot: `tools/call` of a client and a worker of today.
    public var isPossible: Bool {
        switch self.method {
        case .toolsCall: self.revision < .v2025_06_18 || self.revision.era == .legacy && self.workerEra == .modern
        case .promptsGet: self.revision < .v2025_06_18
        case .toolsList: self.revision < .v2025_06_18 || self.revision.era != self.workerEra
        default: false
        }
    }

    /// What to change in a result, of which these are the members; nil when it can be passed on as it is.
    public func changes(_ result: borrowing JSONMembers, _ bytes: Span<UInt8>) -> Changes? {
        guard self.isPossible else { return nil }
        switch self.method {
        case .toolsCall: return self.callChanges(result, bytes)
        case .promptsGet: return self.promptChanges(result, bytes)
        case .toolsList: return self.toolChanges(result, bytes)
        default: return nil
        }
    }

    /// Appends the whole result object with its changes made.
    public func append(_ result: borrowing JSONMembers, of object: ByteRange, _ bytes: Span<UInt8>, to output: inout [UInt8]) {
        guard let changes = self.changes(result, bytes) else { return output.appendLine(bytes, object) }
        JSONObjectSplice.append(
            bytes, result, of: object, removing: changes.removing.map(\.text), adding: changes.adding.span, to: &output)
    }

    // MARK: Results

    private func callChanges(_ result: borrowing JSONMembers, _ bytes: Span<UInt8>) -> Changes? {
        var removing: [StaticText] = []
        var adding: [UInt8] = []
        let content = result.value("content", in: bytes)
        if let content, let blocks = self.contentList(content, bytes) {
            removing.append("content")
            adding.append(#""content":"#)
            adding.append(contentsOf: blocks)
        }
        if let structured = result.value("structuredContent", in: bytes),
            self.revision < .v2025_06_18 || jsonKind(bytes, structured) != .object
        {
            removing.append("structuredContent")
            // The content should say the same as text. If there is none, the client must not lose the answer.
            if content.map({ Self.elements($0, bytes).isEmpty }) ?? true {
                removing.append("content")
                adding = [UInt8](#""content":["#)
                Self.appendText([UInt8](bytes, structured).span, to: &adding)
                adding.append(0x5D)
            }
        }
        return removing.isEmpty ? nil : Changes(removing: removing, adding: adding)
    }

    private func promptChanges(_ result: borrowing JSONMembers, _ bytes: Span<UInt8>) -> Changes? {
        guard let messages = result.value("messages", in: bytes) else { return nil }
        return self.listChanges("messages", messages, bytes) { message, output in
            guard let members = Self.members(message, bytes), let content = members.value("content", in: bytes) else {
                return false
            }
            var adding: [UInt8] = [UInt8](#""content":"#)
            guard self.appendReplacement(of: content, bytes, to: &adding) else { return false }
            JSONObjectSplice.append(bytes, members, of: message, removing: ["content"], adding: adding.span, to: &output)
            return true
        }
    }

    private func toolChanges(_ result: borrowing JSONMembers, _ bytes: Span<UInt8>) -> Changes? {
        guard let tools = result.value("tools", in: bytes) else { return nil }
        return self.listChanges("tools", tools, bytes) { tool, output in
            guard let members = Self.members(tool, bytes) else { return false }
            var removing: [StaticString] = []
            if self.revision.era == .modern, members.value("execution", in: bytes) != nil { removing.append("execution") }
            if let schema = members.value("outputSchema", in: bytes), !self.allowsOutput(schema, bytes) {
                removing.append("outputSchema")
            }
            guard !removing.isEmpty else { return false }
            JSONObjectSplice.append(bytes, members, of: tool, removing: removing, adding: Span(), to: &output)
            return true
        }
    }

    /// Before 2026-07-28 the root of an output schema has the type `object`.
    private func allowsOutput(_ schema: ByteRange, _ bytes: Span<UInt8>) -> Bool {
        guard self.revision >= .v2025_06_18 else { return false }
        guard self.revision.era == .legacy else { return true }
        guard let members = Self.members(schema, bytes), let type = members.value("type", in: bytes) else { return false }
        return JSONString.equals(bytes, type, "object")
    }

    // MARK: Lists and content

    /// The list with the elements replaced for which `replace` appends something and says true; nil when there is none.
    private func replaced(
        _ list: ByteRange, _ bytes: Span<UInt8>, _ replace: (ByteRange, inout [UInt8]) -> Bool
    ) -> [UInt8]? {
        let elements = Self.elements(list, bytes)
        var output: [UInt8] = [0x5B]
        var isChanged = false
        for (index, element) in elements.enumerated() {
            if index > 0 { output.append(0x2C) }
            if replace(element, &output) { isChanged = true } else { output.appendLine(bytes, element) }
        }
        output.append(0x5D)
        return isChanged ? output : nil
    }

    private func listChanges(
        _ key: StaticText, _ list: ByteRange, _ bytes: Span<UInt8>, _ replace: (ByteRange, inout [UInt8]) -> Bool
    ) -> Changes? {
        guard let elements = self.replaced(list, bytes, replace) else { return nil }
        var adding: [UInt8] = [0x22]
        adding.append(key.text)
        adding.append(#"":"#)
        adding.append(contentsOf: elements)
        return Changes(removing: [key], adding: adding)
    }

    private func contentList(_ content: ByteRange, _ bytes: Span<UInt8>) -> [UInt8]? {
        guard self.revision < .v2025_06_18 else { return nil }
        return self.replaced(content, bytes) { self.appendReplacement(of: $0, bytes, to: &$1) }
    }

    /// Appends what stands for a content block that the client does not know. False when it knows it.
    private func appendReplacement(of block: ByteRange, _ bytes: Span<UInt8>, to output: inout [UInt8]) -> Bool {
        guard let members = Self.members(block, bytes), let type = members.value("type", in: bytes) else { return false }
        var text: [UInt8] = []
        if self.revision < .v2025_03_26, JSONString.equals(bytes, type, "audio") {
            text.append("[audio")
            Self.appendString(" ", members.value("mimeType", in: bytes), bytes, to: &text)
            text.append(", which this client's protocol revision cannot carry]")
        } else if self.revision < .v2025_06_18, JSONString.equals(bytes, type, "resource_link") {
            text.append("[resource")
            Self.appendString(" ", members.value("title", in: bytes) ?? members.value("name", in: bytes), bytes, to: &text)
            Self.appendString(": ", members.value("uri", in: bytes), bytes, to: &text)
            text.append("]")
            Self.appendString("\n", members.value("description", in: bytes), bytes, to: &text)
        } else {
            return false
        }
        Self.appendText(text.span, to: &output)
        return true
    }

    private static func appendText(_ text: Span<UInt8>, to output: inout [UInt8]) {
        output.append(#"{"type":"text","text":"#)
        output.appendJSON(string: text)
        output.append(0x7D)
    }

    /// Appends what a JSON string stands for behind a literal; nothing when there is no string.
    private static func appendString(
        _ before: StaticString, _ value: ByteRange?, _ bytes: Span<UInt8>, to text: inout [UInt8]
    ) {
        guard let value, jsonKind(bytes, value) == .string else { return }
        text.append(before)
        text.append(contentsOf: JSONString.unescape(bytes, value))
    }

    /// Empty when it is no array.
    private static func elements(_ list: ByteRange, _ bytes: Span<UInt8>) -> [ByteRange] {
        var scanner = JSONScanner(limits: .secondLook)
        var elements: [ByteRange] = []
        // Expected: a value that is no array has no elements. Bound: the message that holds it.
        try? scanner.scanArray(bytes, at: list, elementsMax: .max, into: &elements)
        return elements
    }

    /// Nil when it is no object.
    private static func members(_ object: ByteRange, _ bytes: Span<UInt8>) -> JSONMembers? {
        guard jsonKind(bytes, object) == .object else { return nil }
        var scanner = JSONScanner(limits: .secondLook)
        var members = JSONMembers()
        do throws(JSONError) { try scanner.scanObject(bytes, at: object, into: &members) } catch { return nil }
        return members
    }
}
