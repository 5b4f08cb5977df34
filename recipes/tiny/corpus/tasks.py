"""Small Python tasks: names, ways to ask, a plan and the code. Data only.

`thing` completes “write ...”, `act` completes “a function to ...”; both are patterns, keyed by language.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True, slots=True)
class Task:
    """One task. `title` names it, `plan` is the second line of the thought; both are keyed by language."""

    key: str
    title: dict[str, str]
    plan: dict[str, str]
    thing: dict[str, list[str]]
    act: dict[str, list[str]]
    code: str


def _task(
    key: str,
    zh: tuple[str, str],
    en: tuple[str, str],
    thing_zh: str,
    act_zh: str,
    thing_en: str,
    act_en: str,
    code: str,
) -> Task:
    """`zh` and `en` are (title, plan); the ways to ask are separated by `;`."""
    return Task(
        key, {"zh": zh[0], "en": en[0]}, {"zh": zh[1], "en": en[1]}, {"zh": thing_zh.split(";"), "en": thing_en.split(";")},
        {"zh": act_zh.split(";"), "en": act_en.split(";")}, dedent(code).strip(),
    )  # fmt: skip


TASKS: tuple[Task, ...] = (
    _task("quick_sort", ("快速排序", "选一个基准，小的放左边，大的放右边，再分别排序。"), ("quicksort", "Pick a pivot, split into smaller and larger values, sort both parts."),
          "快速排序;快排;[快速排序|快排]算法;[快速排序|快排]函数;quicksort;快速排序(quicksort);基于分治的快速排序;[一个|][递归的|]快排",
          "[对|给|将|把][列表|数组|一组数|数字列表][做|进行|用|][快速排序|快排];用[快速排序|快排]给[列表|数组|数字]排序;[用|使用|通过][基准|枢轴|pivot][划分|分区]来排序",
          "quicksort;quick sort;the [quicksort|quick sort] algorithm;a [quicksort|quick sort] [function|implementation|routine|example];a recursive quicksort;qsort",
          "sort a list [with|using|by] [quicksort|quick sort];quicksort [a list|an array|numbers|some values];sort [numbers|values|an array] [with|using|by] a pivot;sort an array [with|using] [quicksort|the quick sort algorithm]",
          """
          def quick_sort(items):
              if len(items) <= 1:
                  return items
              pivot = items[0]
              left = [x for x in items[1:] if x < pivot]
              right = [x for x in items[1:] if x >= pivot]
              return quick_sort(left) + [pivot] + quick_sort(right)
          """),
    _task("merge_sort", ("归并排序", "对半分开，各自排序，再合并两个有序部分。"), ("merge sort", "Split in half, sort both halves, merge them in order."),
          "归并排序;合并排序;[归并|合并]排序[算法|函数];merge sort;mergesort;[归并排序|合并排序](merge sort);递归的归并排序",
          "[对|给|将|把][列表|数组|一组数]做[归并|合并]排序;用[归并|合并]排序[给|把][列表|数组]排[序|好];[对半分开|二分拆开]再合并[来|的方法]排序",
          "merge sort;mergesort;the merge sort algorithm;a [merge sort|mergesort] [function|implementation|routine|example];a recursive merge sort",
          "sort a list [with|using|by] [merge sort|mergesort|merging];merge sort [a list|an array|numbers];sort [numbers|an array] by splitting and merging;sort an array [with|using] merge sort",
          """
          def merge_sort(items):
              if len(items) <= 1:
                  return items
              middle = len(items) // 2
              left = merge_sort(items[:middle])
              right = merge_sort(items[middle:])
              result = []
              while left and right:
                  source = left if left[0] <= right[0] else right
                  result.append(source.pop(0))
              return result + left + right
          """),
    _task("bubble_sort", ("冒泡排序", "反复比较相邻的数，顺序不对就交换。"), ("bubble sort", "Compare neighbours again and again and swap them when out of order."),
          "冒泡排序;冒泡;冒泡排序[算法|函数];bubble sort;冒泡法排序;[一个|][简单的|]冒泡排序",
          "[对|给|将|把][列表|数组|一组数]做冒泡排序;用冒泡[法|排序|]给[列表|数组]排序;[交换|比较]相邻元素[来|的方法]排序",
          "bubble sort;bubblesort;the bubble sort algorithm;a [bubble sort|bubblesort] [function|implementation|routine|example]",
          "sort a list [with|using|by] [bubble sort|bubblesort];bubble sort [a list|an array|numbers];sort [numbers|an array] by swapping neighbours;sort an array [with|using] bubble sort",
          """
          def bubble_sort(items):
              items = list(items)
              for end in range(len(items) - 1, 0, -1):
                  for i in range(end):
                      if items[i] > items[i + 1]:
                          items[i], items[i + 1] = items[i + 1], items[i]
              return items
          """),
    _task("insertion_sort", ("插入排序", "逐个取出，插入前面已排好的位置。"), ("insertion sort", "Take each value and insert it where it belongs in the sorted part."),
          "插入排序;插入排序[算法|函数];直接插入排序;insertion sort;插入法排序",
          "[对|给|将|把][列表|数组|一组数]做插入排序;用插入[法|排序]给[列表|数组]排序;[逐个|依次]插入[来|的方法]排序",
          "insertion sort;insertionsort;the insertion sort algorithm;an [insertion sort|insertionsort] [function|implementation|routine|example]",
          "sort a list [with|using|by] insertion[ sort|];insertion sort [a list|an array|numbers];sort [numbers|an array] by inserting each [value|element]",
          """
          def insertion_sort(items):
              result = []
              for item in items:
                  i = len(result)
                  while i > 0 and result[i - 1] > item:
                      i -= 1
                  result.insert(i, item)
              return result
          """),
    _task("binary_search", ("二分查找", "在有序列表里每次排除一半。"), ("binary search", "Halve the sorted range until the target is found."),
          "二分查找;二分[法|搜索];折半查找;二分查找[算法|函数];binary search;[折半|二分]搜索[算法|]",
          "在[有序|排好序的|升序][列表|数组][里|中][查找|二分查找|找|搜索][一个数|目标|元素|某个值];用二分[法|查找|搜索][查找|找|搜索][元素|数字|目标|一个数]",
          "binary search;the binary search algorithm;a binary search [function|implementation|routine|example];bisection search",
          "[find|search|look for] [a value|an element|a target|a number] in a sorted [list|array];search a sorted [list|array] [with|using|by] [binary search|bisection];binary search [a sorted list|an array|a list]",
          """
          def binary_search(items, target):
              low, high = 0, len(items) - 1
              while low <= high:
                  middle = (low + high) // 2
                  if items[middle] == target:
                      return middle
                  if items[middle] < target:
                      low = middle + 1
                  else:
                      high = middle - 1
              return -1
          """),
    _task("linear_search", ("线性查找", "从头到尾逐个比较。"), ("linear search", "Compare the values one by one from the start."),
          "线性查找;顺序查找;线性搜索;[线性|顺序][查找|搜索][算法|函数];linear search",
          "[从头到尾|逐个|依次|挨个]查找[元素|一个数|目标];在[无序|没排序的|乱序][列表|数组]里[查找|找][元素|一个数|目标];用[线性|顺序]查找找元素",
          "linear search;sequential search;the linear search algorithm;a [linear|sequential] search [function|implementation|routine|example]",
          "[find|search|look for] [a value|an element|a number] in an unsorted [list|array];search a list [one by one|from start to end|item by item|linearly];[find|search] an element [with|using] linear search",
          """
          def linear_search(items, target):
              for i, item in enumerate(items):
                  if item == target:
                      return i
              return -1
          """),
    _task("fibonacci", ("斐波那契数列", "从0和1开始，每次把前两个数相加。"), ("the Fibonacci numbers", "Start with 0 and 1 and add the last two numbers."),
          "斐波那契[数列|数|函数|序列|];斐波纳契数列;[前n项|第n个|n项]斐波那契[数列|数];fibonacci[数列|];[斐波那契|fibonacci]生成[器|函数];兔子数列",
          "[生成|输出|计算|求|打印|返回]前n[个|项]斐波那契[数|数列];[生成|计算|输出|打印|求]斐波那契数列;每一项等于前两项之和的数列",
          "fibonacci;[the|] fibonacci [numbers|sequence|series];a fibonacci [function|generator|program|sequence];the first n fibonacci numbers",
          "[compute|generate|print|list|return|produce|calculate|make] [the|] [fibonacci] [numbers|sequence|series];[compute|generate|return|list] the first n fibonacci [numbers|terms]",
          """
          def fibonacci(n):
              numbers = []
              a, b = 0, 1
              for _ in range(n):
                  numbers.append(a)
                  a, b = b, a + b
              return numbers
          """),
    _task("factorial", ("阶乘", "从2乘到n。"), ("the factorial", "Multiply the numbers from 2 to n."),
          "阶乘;[n的|求|计算|][阶乘|n!][函数|程序|];factorial;n的阶乘;递归阶乘;[阶乘|factorial]计算",
          "[计算|求|算|返回|算出][一个数的|n的|整数的|数字的|正整数的|]阶乘;[计算|求|算]n!;[计算|求|算]1乘到n[的积|的结果|]",
          "factorial;[the|a] factorial [function|program|calculator];the factorial of [n|a number];n factorial;n!",
          "[compute|calculate|find|return|get|work out] [the|a] factorial [of n|of a number|of an integer|];[compute|calculate|find] n [factorial|!];multiply [all|the] numbers from 1 to n",
          """
          def factorial(n):
              result = 1
              for i in range(2, n + 1):
                  result *= i
              return result
          """),
    _task("is_prime", ("判断素数", "用2到平方根的数试除。"), ("a prime test", "Try to divide by the numbers up to the square root."),
          "[判断|检测|检查|测试][素数|质数][的|][函数|程序|代码|算法];[素数|质数][判断|检测|检查|测试];is_prime[函数|];质数判定",
          "[判断|检查|检测|测试|看][一个数|一个整数|n|数字|某个数|给定的数][是不是|是否|是否为|是否是][素数|质数];[判断|检查|检测][素数|质数]",
          "[a|the] [prime|primality] [test|check|checker|number test|number checker];is_prime;an is_prime function;a prime number [test|check|checker]",
          "[check|test|tell|determine|see|decide] [if|whether] [a number|n|an integer|a given number] is [a |][prime|prime number];[test|check] [a number|n|] for [primality|being prime];test [a number for primality|primality]",
          """
          def is_prime(n):
              if n < 2:
                  return False
              divisor = 2
              while divisor * divisor <= n:
                  if n % divisor == 0:
                      return False
                  divisor += 1
              return True
          """),
    _task("primes_up_to", ("列出素数", "用筛法划掉合数。"), ("a list of primes", "Use a sieve and cross out the multiples."),
          "[素数|质数]筛[法|选|];[埃氏|埃拉托斯特尼]筛[法|];n以内[的|所有|全部][素数|质数];[素数|质数]列表;[列出|生成][素数|质数][的|][程序|函数]",
          "[列出|找出|输出|打印|求|生成|返回|找到][n|100|某个数|一定范围|上限]以内[的|][所有|全部|][的|][素数|质数];[列出|找出|输出|打印|求|返回]不超过n的[所有|全部|][素数|质数];用筛法求[素数|质数]",
          "[the|a] [sieve of eratosthenes|prime sieve];[all|the|a list of] [primes|prime numbers] up to n;a list of [primes|prime numbers];all primes below a limit",
          "[list|find|print|generate|return|get|collect|compute] [all|the|] [primes|prime numbers] [up to n|up to a limit|below n|up to 100|to n|smaller than n];[sieve|generate a list of] [primes|prime numbers]",
          """
          def primes_up_to(n):
              sieve = [True] * (n + 1)
              primes = []
              for i in range(2, n + 1):
                  if sieve[i]:
                      primes.append(i)
                      for multiple in range(i * i, n + 1, i):
                          sieve[multiple] = False
              return primes
          """),
    _task("reverse_string", ("反转字符串", "用步长为-1的切片。"), ("string reversal", "Use a slice with step -1."),
          "[字符串|文本|句子|字符][反转|翻转|倒序|逆序|颠倒|倒过来][函数|程序|代码|];[反转|翻转|倒序|颠倒]字符串",
          "[反转|翻转|颠倒|倒转|逆序输出|倒序输出|倒过来写][一个|]字符串;把[一个|]字符串[反转|翻转|倒过来|颠倒|倒序|逆序][过来|];[将|把][文本|单词|字符串]从后往前[输出|写|排列]",
          "string [reversal|reverse];a [string|text] [reverser|reversal function|reverse function];a reversed string;[reverse|reversing] [of|] a string",
          "reverse [a|the|some] [string|text|word];[flip|turn around|turn] a string [backwards|around|];[return|print|write|spell] a [string|text|word] backwards",
          """
          def reverse_string(text):
              return text[::-1]
          """),
    _task("is_palindrome", ("判断回文", "只留字母和数字，转小写，与反转后比较。"), ("a palindrome test", "Keep letters and digits in lower case and compare with the reverse."),
          "[判断|检测|检查]回文[的|串|字符串|][函数|程序|代码];回文[判断|检测|检查|串判断|字符串判断];is_palindrome[函数|];回文串",
          "[判断|检查|检测|看][一个|][字符串|单词|文本|句子|词][是不是|是否|是否为|是否是]回文[串|];[判断|检查|检测]回文[串|字符串|];[判断|看]字符串正着读和反着读[是否一样|是不是一样]",
          "[a|the] palindrome [test|check|checker|detector|function];is_palindrome;an is_palindrome function",
          "[check|test|tell|determine|see|decide] [if|whether] [a string|a word|text|a text|a phrase] is a palindrome;[check|test|look] for [palindromes|a palindrome];[check|see|test] [if|whether] a [word|string] reads the same [backwards|both ways|in both directions]",
          """
          def is_palindrome(text):
              letters = [c.lower() for c in text if c.isalnum()]
              return letters == letters[::-1]
          """),
    _task("gcd", ("最大公约数", "用辗转相除，直到余数为零。"), ("the greatest common divisor", "Replace the pair by divisor and remainder until the remainder is zero."),
          "[最大公约数|最大公因数|gcd|GCD|公约数][函数|算法|程序|];辗转相除法;欧几里得算法;[求|计算][最大公约数|最大公因数][的|][程序|函数|代码]",
          "[求|计算|算|找|返回][两个数|两个整数|a和b|两数][的|][最大公约数|最大公因数|gcd];用[辗转相除|欧几里得]法求[最大公约数|公约数|gcd];求[最大公约数|最大公因数|gcd]",
          "[the|a] [gcd|GCD|greatest common divisor|greatest common factor] [function|program|algorithm|];[the|] euclidean algorithm;euclid's algorithm;the greatest common divisor of two numbers",
          "[compute|find|calculate|get|return] the [gcd|GCD|greatest common divisor|greatest common factor|highest common factor|largest common divisor] [of two numbers|of two integers|of a and b|];[compute|find] the largest number that divides [both|two numbers]",
          """
          def gcd(a, b):
              while b:
                  a, b = b, a % b
              return abs(a)
          """),
    _task("lcm", ("最小公倍数", "先求最大公约数，乘积除以它。"), ("the least common multiple", "Find the greatest common divisor and divide the product by it."),
          "[最小公倍数|lcm|LCM|公倍数][函数|算法|程序|];[求|计算]最小公倍数[的|][程序|函数|代码]",
          "[求|计算|算|找|返回][两个数|两个整数|a和b|两数][的|][最小公倍数|lcm];求[最小公倍数|lcm]",
          "[the|a] [lcm|LCM|least common multiple|lowest common multiple|smallest common multiple] [function|program|algorithm|];the least common multiple of two numbers",
          "[compute|find|calculate|get|return] the [lcm|LCM|least common multiple|lowest common multiple|smallest common multiple] [of two numbers|of two integers|of a and b|];find the smallest number that both divide",
          """
          def lcm(a, b):
              x, y = a, b
              while y:
                  x, y = y, x % y
              return abs(a * b) // x if x else 0
          """),
    _task("word_count", ("统计单词次数", "按空白分开，用字典计数。"), ("a word count", "Split at white space and count in a dictionary."),
          "[词频|单词][统计|计数][函数|程序|代码|];[统计|计算][单词|词]频[率|];单词[出现|]次数统计;word count",
          "[统计|计算|数|数一数][一段|一篇|一个|][文本|文章|字符串|句子|英文|话][里|中|][每个|各个|各][单词|词][出现|][的|][次数|频率|个数];统计[每个|][单词|词][出现了几次|的数量|出现的次数]",
          "[a|the] word [count|counter|frequency|frequency counter|histogram] [function|program|];word frequencies;a counter of words",
          "count [the|all|how often] [words|each word|every word] [in a text|in a string|in a sentence|occurs|appears|];count word [frequencies|occurrences];count how [often|many times] [each|every] word [appears|occurs]",
          """
          def word_count(text):
              counts = {}
              for word in text.split():
                  counts[word] = counts.get(word, 0) + 1
              return counts
          """),
    _task("char_frequency", ("统计字符次数", "逐个字符，用字典计数。"), ("character frequencies", "Go through the characters and count in a dictionary."),
          "[字符|字母][频率|频次|次数|][统计|计数][函数|程序|代码|];[字符|字母]出现次数统计",
          "[统计|计算|数|数一数][一个|][文本|字符串|句子|单词][里|中|][每个|各个|各][字符|字母][出现|][的|][次数|频率|个数];统计[每个|][字符|字母][出现了几次|的数量|出现的次数]",
          "[a|the] [character|letter|char] [count|counter|frequency|frequency counter|histogram] [function|program|];[character|letter|char] frequencies",
          "count [the|all|how often] [characters|letters|each character|each letter|every letter] [in a text|in a string|in a word|occurs|appears|];count [character|letter|char] [frequencies|occurrences];count how [often|many times] [each|every] [letter|character] [appears|occurs]",
          """
          def char_frequency(text):
              counts = {}
              for char in text:
                  counts[char] = counts.get(char, 0) + 1
              return counts
          """),
    _task("count_vowels", ("统计元音字母", "转成小写，数出aeiou。"), ("a vowel count", "Turn to lower case and count a, e, i, o, u."),
          "元音[字母|][统计|计数|个数][函数|程序|代码|];统计元音[的|][函数|程序|代码]",
          "[统计|计算|数|数一数|求][一个|][文本|字符串|句子|单词|英文][里|中|][的|有多少个|有几个]元音[字母|][的个数|的数量|];数[出|一下]元音[字母|][个数|的数量|]",
          "[a|the] vowel [count|counter|counting] [function|program|];the number of vowels [in a string|in a word|]",
          "count [the|all|all the|how many] vowels [in a string|in a word|in a text|in a sentence|there are|];[find|get|return] the number of vowels [in a string|in a word|]",
          """
          def count_vowels(text):
              return sum(1 for c in text.lower() if c in "aeiou")
          """),
    _task("flatten", ("展平嵌套列表", "遇到列表就递归展开。"), ("flattening a nested list", "Unfold every inner list by recursion."),
          "[列表|嵌套列表|数组|多维列表][展平|扁平化|展开|拉平][函数|程序|代码|];[展平|扁平化|拉平|展开][嵌套|多层|多维][列表|数组];flatten[函数|]",
          "[展平|展开|拉平|扁平化|摊平][一个|][嵌套|多层|多维|二维][的|][列表|数组];把[嵌套|多层|多维|二维][的|][列表|数组][展平|展开|拉平|变成一维|变成一层|摊平]",
          "[a|the] flatten [function|routine|];flattening of [a nested list|nested lists];a flattened list;[a list|list] flattener",
          "flatten [a nested list|nested lists|a list of lists|a deep list|an array];[turn|convert|make] [a nested list|a list of lists|nested lists] [into|to] [a flat|one flat|one|a single] list;[unnest|unfold|unpack] [a nested list|nested lists|a list of lists]",
          """
          def flatten(items):
              result = []
              for item in items:
                  if isinstance(item, list):
                      result.extend(flatten(item))
                  else:
                      result.append(item)
              return result
          """),
    _task("two_sum", ("两数之和", "边走边用字典记住见过的数。"), ("two sum", "Remember the numbers seen in a dictionary and look for the complement."),
          "两数之和[函数|问题|算法|];两数求和问题;two sum;twosum;力扣第一题",
          "[找出|找到|求|返回|查找][列表|数组][里|中|][和为|相加等于|加起来等于][目标值|target|给定值|某个数][的|][两个数|两个下标|两个数的下标|两个元素];[求|解]两数之和;在[列表|数组]里找两个数[使|让]它们的和[等于|为][目标|target|给定值]",
          "two sum;two-sum;twosum;[the|a] two[-| ]sum [problem|solution|function|];a solution to two sum",
          "find two [numbers|values|indices|elements] [that|which] [add up to|sum to|give|add to] [a target|the target|a given value];[solve|do] [the|] two[-| ]sum[ problem|];find [a|the] pair [with|that has] a given sum",
          """
          def two_sum(numbers, target):
              seen = {}
              for i, number in enumerate(numbers):
                  if target - number in seen:
                      return [seen[target - number], i]
                  seen[number] = i
              return []
          """),
    _task("find_max", ("求最大值", "记住目前最大的数，逐个比较。"), ("the maximum of a list", "Keep the largest value so far and compare each one."),
          "[求|找|取|查找|]最大值[的|][函数|程序|代码|];[列表|数组][的|]最大[值|数|元素]",
          "[找出|找到|求|返回|查找|取][一个|][列表|数组|一组数|几个数][里|中|][的|]最大[值|的数|数|元素|的元素];求最大值;[不用max|手动]找最大值",
          "[the|a] [maximum|max|largest number|biggest number|largest value] [of|in] [a list|an array];a [max|maximum] [function|finder]",
          "[find|get|return|compute|determine|pick] the [maximum|max|largest|biggest|greatest|highest] [value|number|element|item|] [in|of] [a list|an array|some numbers|a list of numbers]",
          """
          def find_max(numbers):
              largest = numbers[0]
              for number in numbers[1:]:
                  if number > largest:
                      largest = number
              return largest
          """),
    _task("remove_duplicates", ("列表去重", "用集合记住见过的，保持顺序。"), ("removing duplicates", "Remember the values seen in a set and keep the order."),
          "[列表|数组]去重[函数|程序|代码|];去重[函数|程序|];[保持|保留]顺序[的|]去重",
          "[给|对|把|将][列表|数组|一组数]去重;[去掉|删除|移除|去除|剔除][列表|数组][里|中|][的|][重复|重复的|相同的][元素|值|项|数];[保持|保留]顺序[地|]去重",
          "[duplicate|duplicates] removal;[a|the] [dedupe|deduplicate|deduplication|unique] function;a list without duplicates;[list|] deduplication",
          "[remove|delete|drop|eliminate|filter out] [the|all|] [duplicates|duplicate items|repeated values|double entries|duplicate elements] [from|in|of] [a list|an array];[dedupe|deduplicate] a list;keep only [unique|distinct] [values|items|elements] [of|in] a list",
          """
          def remove_duplicates(items):
              seen = set()
              result = []
              for item in items:
                  if item not in seen:
                      seen.add(item)
                      result.append(item)
              return result
          """),
    _task("is_anagram", ("判断变位词", "去掉空格，转小写，排序后比较。"), ("an anagram test", "Drop spaces, turn to lower case and compare the sorted letters."),
          "[变位词|异位词|字母异位词|anagram][判断|检测|检查][函数|程序|代码|];[判断|检测][变位词|字母异位词|异位词][的|][函数|程序|代码]",
          "[判断|检查|检测|看]两个[字符串|单词|词][是不是|是否|是否为|是否是|互为][变位词|异位词|字母异位词|anagram];[判断|检查]两个[单词|词|字符串][字母|字符]是否[相同|一样][只是顺序不同|]",
          "[an|the] anagram [test|check|checker|detector|function];is_anagram;an is_anagram function",
          "[check|test|tell|determine|see|decide] [if|whether] two [strings|words|texts] are anagrams;[check|test|look] for anagrams;[check|see] [if|whether] two words [have|use|contain] the same letters",
          """
          def is_anagram(first, second):
              def letters(text):
                  return sorted(text.replace(" ", "").lower())

              return letters(first) == letters(second)
          """),
    _task("fizz_buzz", ("FizzBuzz", "先看能否被15整除，再看3和5。"), ("FizzBuzz", "Test 15 first, then 3 and 5."),
          "FizzBuzz;fizzbuzz;fizz buzz;FizzBuzz[游戏|程序|函数|问题];[报数|逢三逢五][游戏|程序]",
          "[输出|打印|实现]FizzBuzz;[三|3]的倍数[输出|换成]Fizz[，|]五的倍数[输出|换成]Buzz;玩FizzBuzz",
          "fizzbuzz;fizz buzz;FizzBuzz;[a|the] [fizzbuzz|fizz buzz|FizzBuzz] [function|program|game|solution|problem]",
          "[play|print|solve|do|output] [fizzbuzz|fizz buzz|FizzBuzz];print fizz for multiples of three and buzz for multiples of five;[replace|say] fizz for 3 and buzz for 5",
          """
          def fizz_buzz(n):
              result = []
              for i in range(1, n + 1):
                  word = "Fizz" * (i % 3 == 0) + "Buzz" * (i % 5 == 0)
                  result.append(word or str(i))
              return result
          """),
    _task("is_leap_year", ("判断闰年", "能被4整除且不能被100整除，或能被400整除。"), ("a leap year test", "Divisible by 4 but not by 100, or divisible by 400."),
          "[判断|检测|]闰年[的|][函数|程序|代码];闰年[判断|检测|检查|计算]",
          "[判断|检查|检测|看][某一年|一个年份|年份|某年|给定年份|一年|今年][是不是|是否|是否为|是否是]闰年;[判断|检查]闰年",
          "[a|the] leap[-| ]year [test|check|checker|function];is_leap_year;leap years",
          "[check|test|tell|determine|see|decide] [if|whether] [a year|a given year|the year] is a leap year;[check|test|look] for leap years;[check|find out] [if|whether] a year has 366 days",
          """
          def is_leap_year(year):
              return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
          """),
    _task("celsius_to_fahrenheit", ("摄氏度转华氏度", "乘以9，除以5，再加32。"), ("Celsius to Fahrenheit", "Times 9, divided by 5, plus 32."),
          "[摄氏|摄氏度|℃|温度][转|转换|换算|到|转成][华氏|华氏度|℉][函数|程序|代码|];温度[转换|换算]",
          "[把|将]摄氏[度|温度|][转换|转|换算|变][成|为]华氏[度|温度|];[转换|换算]摄氏[度|]和华氏[度|];[摄氏|摄氏度]换算[华氏|华氏度]",
          "[a|the] [celsius to fahrenheit|temperature] [converter|conversion|function|];celsius to fahrenheit;C to F",
          "[convert|turn|change|translate] [celsius|degrees celsius|a temperature in celsius|centigrade|C] [to|into] [fahrenheit|degrees fahrenheit|F];convert a temperature [from celsius|] to fahrenheit",
          """
          def celsius_to_fahrenheit(celsius):
              return celsius * 9 / 5 + 32
          """),
    _task("sum_of_digits", ("各位数字之和", "转成字符串，把每一位相加。"), ("the sum of digits", "Turn the number into text and add its digits."),
          "[各位数字|各位|数字各位|数位][之和|求和|的和|相加][函数|程序|代码|];数位和",
          "[求|计算|算|返回][一个|][整数|数|数字][的|][各位|各位数字|每一位|每位][之和|的和|数字之和|数字的和|加起来的和];把[一个|]数的[每一位|各位数字][加起来|相加]",
          "[the|a] [digit sum|sum of digits] [function|program|];the sum of the digits [of a number|];[a|the] cross sum",
          "[sum|add|add up|total] [the|all|all the] digits [of a number|of n|of an integer|in a number];[compute|find|calculate|get|return] the [digit sum|sum of digits|sum of the digits] [of a number|of n|]",
          """
          def sum_of_digits(n):
              return sum(int(digit) for digit in str(abs(n)))
          """),
    _task("transpose", ("矩阵转置", "把行变成列。"), ("a matrix transpose", "Turn the rows into columns."),
          "矩阵转置[函数|程序|代码|];[转置矩阵|二维列表转置|二维数组转置];transpose",
          "[转置|翻转][一个|]矩阵;[把|将|对]矩阵[进行|做|]转置;把[矩阵|二维列表|二维数组]的行[和列互换|变成列|列交换];[交换|互换]矩阵的行[和|与]列",
          "[a|the] [matrix|] transpose [function|of a matrix|];[matrix|] transposition;a transposed matrix",
          "transpose [a|the] [matrix|table|2d list|grid];[swap|exchange|flip] [the|] rows and columns [of a matrix|of a table|];turn rows into columns",
          """
          def transpose(matrix):
              return [list(row) for row in zip(*matrix)]
          """),
    _task("to_binary", ("十进制转二进制", "反复除以2，把余数从后往前排。"), ("a binary conversion", "Divide by 2 again and again and collect the remainders."),
          "[十进制|整数|数字][转|转换|转成|转换成|到]二进制[函数|程序|代码|];[进制|二进制]转换",
          "[把|将][一个|][十进制数|十进制|整数|数字|数][转换|转|变|换算][成|为]二进制[数|字符串|];[求|返回][整数|数字|一个数]的二进制[表示|形式|]",
          "[a|the] [decimal to binary|binary] [converter|conversion|conversion function|function];decimal to binary;[the|] binary [form|representation] of a number",
          "[convert|turn|change|translate] [a number|a decimal number|an integer|decimal|n] [to|into] binary;[write|show|print|return|get] [a number|an integer] [in|as] [binary|base two|base 2]",
          """
          def to_binary(n):
              if n == 0:
                  return "0"
              bits = ""
              while n > 0:
                  bits = str(n % 2) + bits
                  n //= 2
              return bits
          """),
    _task("average", ("求平均值", "总和除以个数，空列表返回0。"), ("the average", "Divide the sum by the count; an empty list gives 0."),
          "[求|计算|]平均[值|数][的|][函数|程序|代码];[列表|数组|成绩|一组数][的|]平均[值|数|分]",
          "[求|计算|算|返回|算出][一个|一组|][列表|数组|数字|数|成绩][的|]平均[值|数|分];求平均[值|数]",
          "[the|an] [average|mean] [function|of a list|of numbers|of a list of numbers|calculator]",
          "[compute|find|calculate|get|return|work out] the [average|mean|arithmetic mean|mean value] [of a list|of numbers|of some numbers|of a list of numbers|of an array|];average [a list|some numbers|a list of numbers]",
          """
          def average(numbers):
              return sum(numbers) / len(numbers) if numbers else 0
          """),
    _task("even_numbers", ("筛选偶数", "留下除以2余0的数。"), ("the even numbers", "Keep the numbers whose remainder by 2 is zero."),
          "[筛选|过滤|提取]偶数[的|][函数|程序|代码|];[列表|数组][里|中|][的|][所有|]偶数;偶数[筛选|过滤|提取]",
          "[筛选|过滤|找|选|挑|提取|保留|取]出[列表|数组|一组数][里|中|][的|][所有|全部|]偶数;[只保留|只留下|留下]偶数;[去掉|删掉|删除][列表|数组]里的奇数",
          "[the|all] even numbers [of|in|from] a list;an even number [filter|filter function];[a|] filter for even numbers",
          "[filter|find|get|keep|select|extract|return|pick|collect] [the|all|only the|only|all the] even [numbers|values|ones|integers] [of|in|from] [a list|an array|some numbers];[remove|drop] [the|all] odd numbers from a list",
          """
          def even_numbers(numbers):
              return [n for n in numbers if n % 2 == 0]
          """),
)  # fmt: skip
