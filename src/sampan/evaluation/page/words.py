"""The page's words in both languages. Both are in the page; a style sheet shows one."""

from __future__ import annotations

from html import escape

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Quality of {name}", "{name} 的质量"),
    "beside": ("beside {reference}", "对照：{reference}"),
    "loss": ("loss", "损失"),
    "lead": (
        "<strong>What the reference would write surprises {name} by {value} % more than the reference itself.</strong> "
        "With 95 % confidence that is between {low} % and {high} %. "
        "Loss is 100 · (exp(mean KL) − 1), over {positions} positions.",
        "<strong>由 {name} 来读参考模型会写下的文字，困惑度上升 {value} %。</strong>"
        "95 % 的把握在 {low} % 到 {high} % 之间。损失 = 100 · (exp(平均 KL) − 1)，共 {positions} 个位置。",
    ),
    "passed": ("passes the gate of {limit} %", "通过 {limit} % 的门槛"),
    "refused": ("refused: the gate is {limit} %", "未通过：门槛为 {limit} %"),
    "mean_kl": ("mean KL, nats", "平均 KL（nat）"),
    "p99_max": ("99 %: {p99}, most: {most}", "99 %：{p99}，最大：{most}"),
    "same_top": ("same top token", "首选词元相同"),
    "perplexity": ("perplexity", "困惑度"),
    "perplexity_of": ("{candidate}, reference {reference}", "{candidate}，参考 {reference}"),
    "task_score": ("tasks right", "任务正确率"),
    "task_change": ("reference {reference}, change {change}", "参考 {reference}，变化 {change}"),
    "thinking": ("thinking tokens", "思考词元数"),
    "thinking_of": ("reference {reference}, loops {loops}", "参考 {reference}，循环率 {loops}"),
    "size": ("weights", "权重"),
    "size_of": ("{bits} bits each, reference {reference}", "每个 {bits} 位，参考 {reference}"),
    "models": ("All models", "所有模型"),
    "model": ("model", "模型"),
    "bits": ("bits", "位数"),
    "loops": ("loops", "循环率"),
    "reads": ("reads, tokens/s", "读取（词元/秒）"),
    "answers": ("answers, tokens/s", "回答（词元/秒）"),
    "reference": ("reference", "参考"),
    "distribution": ("How far the distributions are apart", "分布相差多远"),
    "distribution_lead": (
        "At every position of the texts both models say how probable each next token is.",
        "在文本的每个位置上，两个模型都给出下一个词元的概率。",
    ),
    "histogram": ("KL by position", "各位置的 KL"),
    "histogram_of": (
        "How many positions have which divergence. Dashed: the mean. The long tail to the right is where answers turn.",
        "多少位置有多大的散度。虚线为平均值。右侧的长尾是答案可能改变的地方。",
    ),
    "histogram_x": ("KL in nats", "KL（单位 nat）"),
    "positions_y": ("positions", "位置数"),
    "agreement": ("Agreement along a passage", "随位置的一致率"),
    "agreement_of": (
        "How often both find the same token most probable, by the tokens read before. It should not fall: "
        "that would be errors adding up.",
        "两者首选词元相同的比例，按之前已读的词元数。它不应下降：下降意味着误差在累积。",
    ),
    "agreement_x": ("tokens before", "之前的词元数"),
    "by_domain": ("Loss by kind of text", "各类文本的损失"),
    "by_domain_of": (
        "With 95 % confidence intervals. Own answers are the reference's to the tasks.",
        "附 95 % 置信区间。“自己的回答”是参考模型对任务的回答。",
    ),
    "loss_x": ("loss, %", "损失（%）"),
    "frontier": ("Size, loss and speed", "大小、损失与速度"),
    "frontier_of": (
        "Further left is smaller, further down is closer to the reference; the larger the dot, the faster it reads.",
        "越靠左越小，越靠下越接近参考；点越大，读取越快。",
    ),
    "frontier_x": ("bits for each weight", "每个权重的位数"),
    "layers": ("Error by layer", "各层误差"),
    "layers_of": (
        "Relative change of each matrix's outputs on the calibration, as the quantiser measured it.",
        "量化时在校准数据上测得的各矩阵输出的相对变化。",
    ),
    "layers_x": ("layer", "层"),
    "layers_y": ("relative error", "相对误差"),
    "tasks": ("Tasks", "任务"),
    "tasks_lead": (
        "All answered {count} tasks with the same seeds: what differs comes from the models, not from the dice.",
        "所有模型以相同的种子回答了 {count} 个任务：差异来自模型，而非随机数。",
    ),
    "kind": ("kind", "类别"),
    "all_tasks": ("all", "全部"),
    "num_different": ("answers that differ", "不同的回答数"),
    "different": ("Answers of {name} that differ", "{name} 的不同回答"),
    "expected": ("expected {answer}", "应为 {answer}"),
    "right": ("right", "正确"),
    "wrong": ("wrong", "错误"),
    "disagreements": ("Where {name} disagrees most", "{name} 分歧最大的地方"),
    "disagreements_lead": (
        "The most probable next token of each, where KL is greatest; one place for each passage.",
        "KL 最大处各自最可能的下一个词元；每段文本取一处。",
    ),
    "candidate": ("this model", "该模型"),
    "measured": ("How it was measured", "测量方法"),
    "sources": ("texts and tasks", "文本与任务"),
    "sources_of": (
        "{sources}: {passages} passages, {answers} answers of the reference, {tasks} tasks of up to {tokens} tokens",
        "{sources}：{passages} 段文本，参考模型的 {answers} 个回答，{tasks} 个任务，每个至多 {tokens} 个词元",
    ),
    "dropped": ("left out, seen in calibration", "校准中出现过而略去"),
    "none_dropped": ("nothing", "无"),
    "exactness": ("exactness of KL", "KL 的精确度"),
    "exact": ("exact: all {kept} tokens of the vocabulary", "精确：词表的全部 {kept} 个词元"),
    "outlined": (
        "the reference's {kept} most probable tokens one by one, all others (together {rest} %) as one: a lower bound",
        "参考模型最可能的 {kept} 个词元逐一计算，其余（平均概率 {rest} %）合并计算，为下界",
    ),
    "confidence": ("confidence", "置信区间"),
    "confidence_of": (
        "95 %, {resamples} bootstrap samples of whole passages and tasks, fixed seed",
        "95 %，对整段文本和任务做 {resamples} 次自助抽样，种子固定",
    ),
    "hashes": ("hashes (SHA-256)", "哈希（SHA-256）"),
    "machine": ("machine", "机器"),
    "made_by": ("made by", "生成"),
    "data": ("texts and tasks", "文本与任务"),
}
# Kinds of texts and tasks of Sampan's own; those of a user's file are called as they are there.
KINDS: dict[str, tuple[str, str]] = {
    "zh": ("Chinese", "中文"),
    "en": ("English", "英文"),
    "code": ("code", "代码"),
    "thought": ("thoughts", "思考"),
    "answers": ("own answers", "自己的回答"),
    "sums": ("sums", "算式"),
    "word problems": ("word problems", "应用题"),
    "multiple choice": ("multiple choice", "选择题"),
    "help and small code": ("help and small code", "求助与小程序"),
    "code output": ("code output", "代码输出"),
}


def say(key: str, /, **values: object) -> str:
    """Words as HTML, in both languages; values are escaped."""
    english, chinese = spoken(key, **values)
    return f'<span lang="en">{english}</span><span lang="zh-CN">{chinese}</span>'


def say_kind(name: str) -> str:
    """What a kind of texts or tasks is called, as HTML."""
    english, chinese = spoken_kind(name)
    return f'<span lang="en">{english}</span><span lang="zh-CN">{chinese}</span>'


def spoken_kind(name: str) -> tuple[str, str]:
    """English and Chinese, escaped."""
    english, chinese = KINDS.get(name, (name, name))
    return escape(english), escape(chinese)


def spoken(key: str, /, **values: object) -> tuple[str, str]:
    """English and Chinese, the values in them escaped."""
    escaped = {name: escape(str(value)) for name, value in values.items()}
    english, chinese = WORDS[key]
    return english.format(**escaped), chinese.format(**escaped)
