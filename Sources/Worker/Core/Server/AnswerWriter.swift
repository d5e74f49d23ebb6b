import Base
import MCP
import Wire

/// Writes whole JSON-RPC lines.
enum AnswerWriter {
    static func beginResult(_ id: JSONLexeme, to output: inout [UInt8]) {
        output.append("{\"jsonrpc\":\"2.0\",\"id\":")
        id.append(to: &output)
        output.append(",\"result\":")
    }

    static func end(to output: inout [UInt8]) { output.append("}\n") }

    static func appendResult(_ id: JSONLexeme, _ result: StaticString, to output: inout [UInt8]) {
        self.beginResult(id, to: &output)
        output.append(result)
        self.end(to: &output)
    }

    /// An error whose request could not be read has no `id`: no revision of the schema allows null there.
    static func appendError(
        _ id: JSONLexeme?, _ code: ErrorCode, _ message: StaticString, to output: inout [UInt8]
    ) {
        self.appendError(id, code, message: [UInt8](message), to: &output)
    }

    /// `data` is a JSON value, or empty.
    static func appendError(
        _ id: JSONLexeme?, _ code: ErrorCode, message: [UInt8], data: [UInt8] = [], to output: inout [UInt8]
    ) {
        output.append("{\"jsonrpc\":\"2.0\"")
        if let id {
            output.append(",\"id\":")
            id.append(to: &output)
        }
        output.append(",\"error\":{\"code\":")
        output.append(decimal: code.rawValue)
        output.append(",\"message\":")
        output.appendJSON(string: message.span)
        if !data.isEmpty {
            output.append(",\"data\":")
            output.append(contentsOf: data)
        }
        output.append("}}\n")
    }

    /// Progress is the time spent of the time allowed, in seconds: it always grows, whatever the engine is doing.
    static func appendProgress(
        token: JSONLexeme, call: JSONLexeme, elapsed: Interval, limit: Interval, rows: Int, to output: inout [UInt8]
    ) {
        output.append("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":")
        token.append(to: &output)
        output.append(",\"progress\":")
        self.append(seconds: elapsed, to: &output)
        output.append(",\"total\":")
        self.append(seconds: limit, to: &output)
        output.append(",\"message\":\"")
        output.append(decimal: Int64(rows))
        output.append(" rows read\",")
        self.appendRelation(call, to: &output)
        output.append("}}\n")
    }

    static func append(seconds interval: Interval, to output: inout [UInt8]) {
        let milliseconds = max(0, interval.nanoseconds / 1_000_000)
        output.append(decimal: milliseconds / 1_000)
        let rest = milliseconds % 1_000
        guard rest > 0 else { return }
        output.append(0x2E)
        for divisor: Int64 in [100, 10, 1] { output.append(0x30 + UInt8(truncatingIfNeeded: rest / divisor % 10)) }
    }

    /// Tells the supervisor which of its requests a notification belongs to.
    static func appendRelation(_ call: JSONLexeme, to output: inout [UInt8]) {
        output.append("\"_meta\":{\"io.mcp-supervisor/relatedRequest\":")
        call.append(to: &output)
        output.append("}")
    }
}
