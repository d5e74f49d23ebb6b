import Base
import MCP
import Wire

/// The keys of `inputRequests` for the questions of a legacy worker, which has none: `elicitation-1f00c9ab`, made of the question
/// itself. An answer that comes without its call, because the supervisor or the worker was started anew, can so be matched to the
/// same question when it is asked again, and never to another one.
enum InputKey {
    /// Bound: for a hint of our own worker.
    static let hintBytesMax = 64

    /// A key that is not in `taken`. A question that is asked twice at the same time gets `-2`, `-3` and so on.
    ///
    /// `trustsHints` is for our own worker only: it knows better than a digest which questions are the same.
    static func mint(
        for request: InputRequest, taken: [[UInt8]], trustsHints: Bool, _ functions: DigestFunctions
    ) -> [UInt8] {
        var key: [UInt8] = []
        if trustsHints, let hint = Self.hint(request) {
            key = hint
        } else {
            key.append(Self.prefix(request.kind))
            var question: [UInt8] = []
            question.append(request.method.text)
            question.append(0x0A)
            request.appendQuestion(to: &question)
            let digest = functions.sha256(question.span)
            for index in 0..<4 {
                key.append(ASCII.hexDigit(digest.bytes[index] >> 4))
                key.append(ASCII.hexDigit(digest.bytes[index] & 15))
            }
        }
        guard taken.contains(key) else { return key }
        // Bound: one more than there are keys, of which one must be free.
        for number in 2..<(taken.count + 3) {
            var numbered = key
            numbered.append(0x2D)
            numbered.append(decimal: UInt64(number))
            if !taken.contains(numbered) { return numbered }
        }
        return key
    }

    private static func prefix(_ kind: InputRequest.Kind) -> StaticString {
        switch kind {
        case .elicitationForm: "elicitation-"
        case .elicitationURL: "url-"
        case .sampling: "sampling-"
        case .roots: "roots-"
        }
    }

    private static func hint(_ request: InputRequest) -> [UInt8]? {
        guard let hint = request.origin.keyHint else { return nil }
        let bytes = [UInt8](hint.utf8)
        return !bytes.isEmpty && bytes.count <= Self.hintBytesMax ? bytes : nil
    }
}
