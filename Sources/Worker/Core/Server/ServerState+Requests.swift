import Base
import MCP
import Wire

/// The methods of both eras.
extension ServerState {
    // MARK: Legacy

    mutating func legacyRequestReceived(
        _ bytes: Span<UInt8>, _ request: Request, inBatch: Bool, into output: inout [UInt8], effects: inout [ServerEffect]
    ) {
        switch request.method {
        case .ping: return AnswerWriter.appendResult(request.id, "{}", to: &output)
        case .initialize:
            if inBatch {
                return AnswerWriter.appendError(request.id, .invalidRequest, "initialize must not be in a batch", to: &output)
            }
            return self.initialize(bytes, request, into: &output)
        case .serverDiscover:
            return AnswerWriter.appendError(
                request.id, .invalidParams, "params._meta lacks io.modelcontextprotocol/protocolVersion", to: &output)
        default: break
        }
        guard let session = self.session else {
            return AnswerWriter.appendError(
                request.id, .invalidRequest,
                "Send initialize first, or put the 2026-07-28 envelope into params._meta", to: &output)
        }
        if let refusal = request.metadata.progressTokenRefusal(bytes) {
            return AnswerWriter.appendError(request.id, refusal.code, refusal.reason, to: &output)
        }
        let style = ResultStyle(isStructured: session.revision >= .v2025_06_18, isModern: false)
        switch request.method {
        case .toolsList: self.listTools(bytes, request, style, into: &output)
        case .toolsCall:
            self.callTool(bytes, request, style, logLevel: session.logLevel, into: &output, effects: &effects)
        case .loggingSetLevel: self.setLevel(bytes, request, into: &output)
        default: AnswerWriter.appendError(request.id, .methodNotFound, "Method not found", to: &output)
        }
    }

    /// A second `initialize` starts a new session: a supervisor that took the channel over may want another revision.
    private mutating func initialize(_ bytes: Span<UInt8>, _ request: Request, into output: inout [UInt8]) {
        guard let version = self.scanner.members.value("protocolVersion", in: bytes), jsonKind(bytes, version) == .string else {
            return AnswerWriter.appendError(
                request.id, .invalidParams, "params.protocolVersion must be a string", to: &output)
        }
        let asked = Revision(JSONString.unescape(bytes, version).span)
        let revision = Revision.negotiated(asked: asked)
        self.session = Session(revision: revision, logLevel: nil)
        AnswerWriter.beginResult(request.id, to: &output)
        output.append("{\"protocolVersion\":\"")
        output.append(revision.text)
        output.append("\",\"capabilities\":{\"tools\":{},\"logging\":{}},\"serverInfo\":")
        ServerIdentity.append(withTitle: revision >= .v2025_06_18, to: &output)
        output.append(",\"instructions\":")
        output.appendJSON(string: ServerIdentity.instructions)
        output.append("}")
        AnswerWriter.end(to: &output)
    }

    private mutating func setLevel(_ bytes: Span<UInt8>, _ request: Request, into output: inout [UInt8]) {
        guard let range = self.scanner.members.value("level", in: bytes), jsonKind(bytes, range) == .string,
            let level = LogLevel(JSONString.unescape(bytes, range).span)
        else {
            return AnswerWriter.appendError(
                request.id, .invalidParams, "params.level must be a log level, debug to emergency", to: &output)
        }
        self.session?.logLevel = level
        AnswerWriter.appendResult(request.id, "{}", to: &output)
    }

    // MARK: Modern

    /// Order of checks: envelope, version, method, params.
    mutating func modernRequestReceived(
        _ bytes: Span<UInt8>, _ request: Request, into output: inout [UInt8], effects: inout [ServerEffect]
    ) {
        if let refusal = request.metadata.envelopeRefusal(bytes) {
            return AnswerWriter.appendError(request.id, refusal.code, refusal.reason, to: &output)
        }
        guard let version = request.metadata.protocolVersion else { return }
        let asked = JSONString.unescape(bytes, version)
        guard let revision = Revision(asked.span), revision.era == .modern else {
            return Self.appendUnsupported(request.id, asked: asked, to: &output)
        }
        let style = ResultStyle(isStructured: true, isModern: true)
        switch request.method {
        case .serverDiscover: self.discover(request, into: &output)
        case .toolsList: self.listTools(bytes, request, style, into: &output)
        case .toolsCall:
            self.callTool(
                bytes, request, style, logLevel: request.metadata.requestedLogLevel(bytes), into: &output, effects: &effects)
        default: AnswerWriter.appendError(request.id, .methodNotFound, "Method not found", to: &output)
        }
    }

    private static func appendUnsupported(_ id: JSONLexeme, asked: [UInt8], to output: inout [UInt8]) {
        var data = [UInt8]("{\"supported\":[\"2026-07-28\"],\"requested\":")
        data.appendJSON(string: Array(asked.prefix(256)).span)
        data.append("}")
        AnswerWriter.appendError(
            id, .unsupportedProtocolVersion, message: [UInt8]("Unsupported protocol version"), data: data, to: &output)
    }

    /// How long a client may keep the lists: they change only with the process.
    private static let listCaching: StaticString = ",\"ttlMs\":300000,\"cacheScope\":\"private\",\"resultType\":\"complete\""

    private func discover(_ request: Request, into output: inout [UInt8]) {
        AnswerWriter.beginResult(request.id, to: &output)
        output.append("{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{},\"logging\":{}},\"instructions\":")
        output.appendJSON(string: ServerIdentity.instructions)
        self.endModernList(to: &output)
    }

    private func endModernList(to output: inout [UInt8]) {
        output.append(Self.listCaching)
        output.append(",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":")
        ServerIdentity.append(withTitle: true, to: &output)
        output.append("}}")
        AnswerWriter.end(to: &output)
    }

    // MARK: Tools

    private mutating func listTools(
        _ bytes: Span<UInt8>, _ request: Request, _ style: ResultStyle, into output: inout [UInt8]
    ) {
        // There is one page, so no cursor was ever given out.
        if let cursor = self.scanner.members.value("cursor", in: bytes), jsonKind(bytes, cursor) != .null {
            return AnswerWriter.appendError(request.id, .invalidParams, "Unknown cursor", to: &output)
        }
        AnswerWriter.beginResult(request.id, to: &output)
        output.append("{\"tools\":")
        output.append(contentsOf: style.isStructured ? self.descriptions.full : self.descriptions.plain)
        if style.isModern { return self.endModernList(to: &output) }
        output.append("}")
        AnswerWriter.end(to: &output)
    }

    private mutating func callTool(
        _ bytes: Span<UInt8>, _ request: Request, _ style: ResultStyle, logLevel: LogLevel?, into output: inout [UInt8],
        effects: inout [ServerEffect]
    ) {
        guard let name = self.scanner.members.value("name", in: bytes), jsonKind(bytes, name) == .string else {
            return AnswerWriter.appendError(request.id, .invalidParams, "params.name must be a string", to: &output)
        }
        guard let tool = SQLTool.allCases.first(where: { JSONString.equals(bytes, name, $0.name) }) else {
            var message = [UInt8]("Unknown tool: ")
            message.append(contentsOf: JSONString.unescape(bytes, name).prefix(128))
            return AnswerWriter.appendError(request.id, .invalidParams, message: message, to: &output)
        }
        do throws(ToolFailure) {
            guard try self.readArguments(bytes) else {
                return AnswerWriter.appendError(
                    request.id, .invalidParams, "params.arguments must be an object without repeated keys", to: &output)
            }
            let call = try self.arguments.read(tool, bytes, self.argumentMembers, style)
            if tool == .listDatabases { return self.listDatabases(request, style, into: &output) }
            let token = Self.lexeme(bytes, request.metadata.progressToken)
            let record = Call(
                id: request.id, tool: tool, progressToken: token, logLevel: logLevel, startedAt: nil,
                progressAt: .distantFuture, waiting: nil)
            guard self.admit(record, call, now: request.now, effects: &effects) else { throw .overloaded }
        } catch {
            AnswerWriter.beginResult(request.id, to: &output)
            ResultObject.append(error, style, to: &output)
            AnswerWriter.end(to: &output)
        }
    }

    /// Fills `argumentMembers`. False when `arguments` is no acceptable object.
    private mutating func readArguments(_ bytes: Span<UInt8>) throws(ToolFailure) -> Bool {
        guard let range = self.scanner.members.value("arguments", in: bytes), jsonKind(bytes, range) != .null else {
            self.argumentMembers = JSONMembers()
            return true
        }
        guard jsonKind(bytes, range) == .object else { return false }
        do throws(JSONError) {
            try self.objects.scanObject(bytes, at: range, into: &self.argumentMembers)
            return true
        } catch {
            return false
        }
    }

    private func listDatabases(_ request: Request, _ style: ResultStyle, into output: inout [UInt8]) {
        AnswerWriter.beginResult(request.id, to: &output)
        CatalogueResult.appendDatabases(self.configuration.databases.map(\.name), style, to: &output)
        AnswerWriter.end(to: &output)
    }

    // MARK: Log messages

    /// One message per call: `debug` for a success, `warning` for a limit that stopped it, `info` for a query that was wrong.
    func appendLog(_ call: Call, _ report: CallReport, now: Instant, to output: inout [UInt8]) {
        guard let wanted = call.logLevel else { return }
        let level = Self.level(report)
        guard level >= wanted else { return }
        output.append("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"")
        output.append(level.text)
        output.append("\",\"logger\":\"sql\",\"data\":{\"tool\":\"")
        output.append(call.tool.name)
        output.append(report.failure == nil ? "\",\"outcome\":\"rows\",\"rows\":" : "\",\"outcome\":\"refused\",\"rows\":")
        output.append(decimal: Int64(report.rows))
        output.append(",\"seconds\":")
        AnswerWriter.append(seconds: call.startedAt.map { now - $0 } ?? .zero, to: &output)
        if let failure = report.failure {
            output.append(",\"reason\":")
            output.appendJSON(string: failure.text.span)
        }
        output.append("},")
        AnswerWriter.appendRelation(call.id, to: &output)
        output.append("}}\n")
    }

    private static func level(_ report: CallReport) -> LogLevel {
        switch report.failure {
        case nil: .debug
        case .timeout, .memory, .busy, .valueTooLarge, .rowTooLarge: .warning
        case .unavailable, .engine: .error
        default: .info
        }
    }
}
