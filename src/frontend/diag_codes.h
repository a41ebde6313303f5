/* diag_codes.h - the registry of diagnostics: code and sentence, one row each.
 *
 * The first letter is the severity: E error, W warning, R error at run time.  The two digits
 * behind it are the area: 00 characters, 01 syntax (R: loading), 02 names (values), 03 types (R:
 * raised by the program), 04 generation, 05 contexts and branches, 06 effects and externs,
 * 07 settings (R: budgets, engine), 08 tests.  A code keeps its meaning for ever. */
#ifndef FRONTEND_DIAG_CODES_H
#define FRONTEND_DIAG_CODES_H

#define DIAG_CODES(X)                                                                          \
    X(E0001, "not UTF-8")                                                                      \
    X(E0002, "NUL byte")                                                                       \
    X(E0003, "string not closed")                                                              \
    X(E0004, "inline `\"\"\"` spans lines")                                                    \
    X(E0005, "indented less than closing `\"\"\"`")                                            \
    X(E0006, "unknown escape")                                                                 \
    X(E0007, "malformed number or duration")                                                   \
    X(E0008, "regex not closed on its line")                                                   \
    X(E0009, "stray character")                                                                \
    X(E0010, "non-ASCII outside text")                                                         \
    X(E0101, "bracket never closed")                                                           \
    X(E0102, "bracket never opened")                                                           \
    X(E0103, "unexpected token")                                                               \
    X(E0104, "unexpected end of file")                                                         \
    X(E0105, "two statements on a line")                                                       \
    X(E0106, "role needs a string or block")                                                   \
    X(E0107, "declaration inside a block")                                                     \
    X(E0108, "form of another language")                                                       \
    X(E0109, "`until` belongs to `join`")                                                      \
    X(E0110, "annotation without declaration")                                                 \
    X(E0111, "cannot be assigned")                                                             \
    X(E0112, "`join as` takes `text`")                                                         \
    X(E0113, "form of a later stage")                                                          \
    X(E0201, "unknown name")                                                                   \
    X(E0202, "declared twice")                                                                 \
    X(E0203, "script name not visible in functions")                                           \
    X(E0204, "no such field or method")                                                        \
    X(E0205, "reserved name")                                                                  \
    X(E0206, "unknown or repeated argument")                                                   \
    X(E0207, "missing argument")                                                               \
    X(E0208, "too many arguments")                                                             \
    X(E0209, "import not found")                                                               \
    X(E0210, "import cycle")                                                                   \
    X(E0211, "private name")                                                                   \
    X(E0212, "script statements beside `main`")                                                \
    X(E0213, "parameter cannot be a flag")                                                     \
    X(E0301, "type mismatch")                                                                  \
    X(E0302, "parts have no common type")                                                      \
    X(E0303, "condition is not bool")                                                          \
    X(E0304, "match not exhaustive")                                                           \
    X(E0305, "may be null")                                                                    \
    X(E0306, "value outside its type")                                                         \
    X(E0307, "no such conversion")                                                             \
    X(E0308, "hole outside a string statement")                                                \
    X(E0309, "block has no value")                                                             \
    X(E0310, "path without a result")                                                          \
    X(E0311, "unused value")                                                                   \
    X(E0312, "part recurses")                                                                  \
    X(E0313, "not constant")                                                                   \
    X(E0314, "not a text of this enum")                                                        \
    X(E0315, "`meta` of a value not generated")                                                \
    X(E0316, "lambda uses the context")                                                        \
    X(E0317, "data does not fit")                                                              \
    X(E0318, "repeated field, key or variant")                                                 \
    X(E0319, "no text form")                                                                   \
    X(E0321, "role inside a role")                                                             \
    X(E0322, "part with turns inside a role")                                                  \
    X(E0401, "no value satisfies")                                                             \
    X(E0402, "constraint too large")                                                           \
    X(E0403, "regex syntax")                                                                   \
    X(E0404, "regex feature not supported")                                                    \
    X(E0405, "grammar syntax or feature")                                                      \
    X(E0406, "undefined rule or no start")                                                     \
    X(E0407, "schema invalid or unreadable")                                                   \
    X(E0408, "schema keyword cannot be decoded")                                               \
    X(E0409, "bounds")                                                                         \
    X(E0410, "type cannot be generated")                                                       \
    X(E0411, "argument out of range or not applicable")                                        \
    X(E0412, "`n` not possible here")                                                          \
    X(E0414, "`stream` outside `for`")                                                         \
    X(E0415, "stop on a self-ending type")                                                     \
    X(E0416, "unknown or unusable `by:`")                                                      \
    X(E0417, "options empty, repeated, too many")                                              \
    X(E0418, "`select` without options")                                                       \
    X(E0421, "max below the shortest value")                                                   \
    X(E0422, "min above max")                                                                  \
    X(E0501, "context of another branch: fork it")                                             \
    X(E0502, "branch assigns a parent's name")                                                 \
    X(E0503, "branches leave their block")                                                     \
    X(E0504, "cannot iterate over this")                                                       \
    X(E0505, "not a join predicate")                                                           \
    X(E0506, "role state differs at `as text`")                                                \
    X(E0507, "jump out of a branch")                                                           \
    X(E0508, "two contexts in one `with`")                                                     \
    X(E0611, "cannot be repeated or cut off")                                                  \
    X(E0612, "`@pure` contradicted")                                                           \
    X(E0613, "malformed binding")                                                              \
    X(E0614, "type cannot be passed to an extern")                                             \
    X(E0615, "not a tool")                                                                     \
    X(E0616, "unknown or misplaced annotation")                                                \
    X(E0701, "not a setting")                                                                  \
    X(E0702, "setting out of range")                                                           \
    X(E0801, "mock answer never fits")                                                         \
    X(E0802, "`mock` or `stub` outside a test")                                                \
    X(E0803, "test name repeated")                                                             \
    X(W0201, "unused name")                                                                    \
    X(W0202, "name hides another")                                                             \
    X(W0203, "parameter hides a flag")                                                         \
    X(W0301, "changing text before constant text")                                             \
    X(W0302, "never reached")                                                                  \
    X(W0303, "`scratch` value unused")                                                         \
    X(W0304, "raw text in a chat")                                                             \
    X(W0305, "string is the value, not appended")                                              \
    X(W0401, "unused generation removed")                                                      \
    X(W0402, "max below the longest value")                                                    \
    X(W0403, "union arms overlap")                                                             \
    X(W0404, "end of value ambiguous")                                                         \
    X(W0405, "blank before a hole, healing off")                                               \
    X(W0406, "option lengths differ fourfold")                                                 \
    X(W0407, "blank at an option's edge")                                                      \
    X(W0408, "schema keywords checked afterwards")                                             \
    X(W0501, "branches never joined")                                                          \
    X(W0502, "`as text` of nothing")                                                           \
    X(W0503, "`catch` inside the lambda of `until`")                                           \
    X(W0601, "effect in a branch may be cut off")                                              \
    X(W0701, "no static bound")                                                                \
    X(W0801, "test without assertion")                                                         \
    X(R0101, "cannot read program")                                                            \
    X(R0102, "extern not bound")                                                               \
    X(R0103, "model, tokenizer or control token missing")                                      \
    X(R0104, "program argument missing or malformed")                                          \
    X(R0105, "artifact is for another tokenizer")                                              \
    X(R0201, "index out of range")                                                             \
    X(R0202, "no such key or field")                                                           \
    X(R0203, "integer overflow")                                                               \
    X(R0204, "division by zero")                                                               \
    X(R0205, "value does not have the type")                                                   \
    X(R0206, "text cannot be read as the type")                                                \
    X(R0301, "`fail`")                                                                         \
    X(R0303, "assertion failed")                                                               \
    X(R0304, "requirement failed")                                                             \
    X(R0401, "value cut at max")                                                               \
    X(R0402, "constraint has no continuation")                                                 \
    X(R0403, "options empty or repeated")                                                      \
    X(R0404, "argument out of range")                                                          \
    X(R0405, "schema check failed")                                                            \
    X(R0501, "context belongs to another branch")                                              \
    X(R0502, "context window full")                                                            \
    X(R0503, "cancelled (events only)")                                                        \
    X(R0504, "mark of another context")                                                        \
    X(R0505, "error of a branch never joined")                                                 \
    X(R0601, "tool failed")                                                                    \
    X(R0602, "permission needed")                                                              \
    X(R0603, "file or input error")                                                            \
    X(R0604, "extern timed out")                                                               \
    X(R0701, "token budget spent")                                                             \
    X(R0702, "time budget spent")                                                              \
    X(R0703, "call budget spent")                                                              \
    X(R0704, "role unknown to the template")                                                   \
    X(R0705, "engine failed")                                                                  \
    X(R0706, "limit reached (19.1)")                                                           \
    X(R0801, "mock answer outside its type")                                                   \
    X(R0802, "mock has no answer left")                                                        \
    X(R0803, "test passed too rarely")

#endif
