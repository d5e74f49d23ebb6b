import Base
import Wire

/// The frame of every `tools/call` result: one text block, perhaps structured content, and what the revision adds.
public enum ResultObject {
    /// Opens the object up to the inside of the text block's string.
    static func begin(to output: inout [UInt8]) { output.append("{\"content\":[{\"type\":\"text\",\"text\":\"") }

    static func endText(to output: inout [UInt8]) { output.append("\"}]") }

    static func end(isError: Bool, _ style: ResultStyle, to output: inout [UInt8]) {
        output.append(isError ? ",\"isError\":true" : ",\"isError\":false")
        if style.isModern {
            output.append(",\"resultType\":\"complete\",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":")
            ServerIdentity.append(withTitle: true, to: &output)
            output.append("}")
        }
        output.append("}")
    }

    /// Appends a whole result of `text` (UTF-8) and, where the revision has it, `structured`, a JSON object.
    public static func append(text: Span<UInt8>, structured: Span<UInt8>, _ style: ResultStyle, to output: inout [UInt8]) {
        output.append("{\"content\":[{\"type\":\"text\",\"text\":")
        output.appendJSON(string: text)
        output.append("}]")
        if style.isStructured {
            output.append(",\"structuredContent\":")
            output.append(structured)
        }
        self.end(isError: false, style, to: &output)
    }

    /// Appends a whole result with `isError`. It has no structured content, so no output schema applies to it.
    public static func append(_ failure: ToolFailure, _ style: ResultStyle, to output: inout [UInt8]) {
        output.append("{\"content\":[{\"type\":\"text\",\"text\":")
        output.appendJSON(string: failure.text.span)
        output.append("}]")
        self.end(isError: true, style, to: &output)
    }
}
