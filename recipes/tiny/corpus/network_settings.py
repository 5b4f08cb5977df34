"""Questions about the settings of a router: names, passwords, speed, access. Data only."""

from recipes.tiny.corpus.faq import Faq

SETTINGS: tuple[Faq, ...] = (
    Faq(
        "reset_password",
        {"zh": "重置路由器密码", "en": "reset the router password"},
        {
            "zh": ("接通路由器电源，找到背面的复位孔。", "用牙签按住复位键10秒，直到指示灯全部闪烁。", "等待两分钟，让路由器重新启动。",
                   "连接路由器，在浏览器打开192.168.1.1。", "用机身标签上的默认密码登录。", "设置新密码，保存并记下来。"),
            "en": ("Power the router on and find the reset hole at the back.", "Hold the reset button with a pin for 10 seconds until all lights blink.",
                   "Wait two minutes while the router restarts.", "Connect to the router and open 192.168.1.1 in a browser.",
                   "Log in with the default password on the label.", "Set a new password, save it and write it down."),
        },
        {
            "zh": {"do": ["[重置|重设|复位|还原|初始化|重新设置]{r}{a}[登录|登陆|管理|]密码", "把{r}{a}密码[重置|重设|复位|还原|初始化|清零|清掉|恢复默认][掉|一下|]", "[给|让]{r}重置[一下|]密码", "恢复{r}[出厂|默认|初始]密码",
                            "让{r}密码[恢复|回到|变回][默认|出厂|初始][值|状态|]", "[清除|清空|抹掉]{r}{a}密码[重新设|再设一个|]", "用[复位|reset|重置][键|孔|按钮][重置|重设]{r}密码", "{r}密码[重置|重设|复位|初始化|reset|还原]"],
                   "whole": ["{r}密码{how}[重置|重设|复位|还原|初始化]", "{r}的密码想[重置|重设|复位]", "[重置|重设]密码，{r}的", "{r}的[复位|重置|reset]按钮怎么[重置|恢复]密码", "{r}密码[要|需要|得]重置"]},
            "en": {"do": ["reset {my} {rt} password", "reset the password [of|on|for] {my} {rt}", "[restore|return|set] {my} {rt} [password|login password] to [default|factory default|the default]", "[clear|wipe|erase] the password [of|on] {my} {rt}",
                            "do a password reset on {my} {rt}", "re-set {my} {rt} [passcode|login|pwd|password]", "[use|press] the reset button [to reset|for] {my} {rt} password", "get {my} {rt} back to its default password",
                            "[restore|recover] the [factory|default] password [of|on] {my} {rt}", "reset the [admin|login] password of {my} {rt}"],
                   "name": ["{rt} password reset", "resetting {the} {rt} password", "[reset|resetting] [of|] {rt} password", "restoring the default {rt} password", "password reset [on|for|of] {the} {rt}"]},
        },
    ),
    Faq(
        "wifi_slow",
        {"zh": "解决无线网速慢", "en": "fix slow Wi-Fi"},
        {
            "zh": ("靠近路由器测速，看是不是信号弱。", "重启路由器和光猫。", "把路由器放到高处，远离微波炉和墙角。", "手机和电脑改用5GHz频段。",
                   "停掉占网速的下载和视频。", "仍然慢就联系运营商查线路。"),
            "en": ("Test the speed near the router to see if the signal is weak.", "Restart the router and the modem.", "Place the router high up, away from microwaves and corners.",
                   "Move phones and computers to the 5 GHz band.", "Stop downloads and videos that use the line.", "If it stays slow, ask your provider to check the line."),
        },
        {
            "zh": {"wrong": ["{w}[很|太|好|特别|非常|有点|超级|巨|]慢", "网速[很|太|特别|非常|好|这么|]慢", "[上网|网络|网页|网][很|太|特别|好|非常|]慢", "[上网|看视频|打游戏|玩游戏|看直播|下载|刷视频|开网页][很|太|老是|总|][卡|卡顿|慢|转圈|缓冲]", "{w}[很|太|]卡", "网速[变慢|下降|掉得厉害|跟不上|只有几百K|上不去]",
                               "{w}速度[不行|太低|很差|不达标|像蜗牛]", "[视频|网页|图片][一直|总|老][加载不出来|缓冲|打不开|转圈]", "[网络|{w}]延迟[高|很大|太高]", "网卡[得要死|得不行|死了]"],
                   "do": ["[提升|提高|加快|改善|优化|加速]{w}[速度|网速|]", "[提升|提高|加快|改善|优化]网速", "让[{w}|网速|网络][快|变快][一点|一些|起来|]", "解决[{w}|网速|网络][慢|太慢|卡]的问题"]},
            "en": {"wrong": ["{the} {wf} is [so|very|really|too|extremely|super|terribly|] slow", "{the} internet is [so|very|really|too|awfully|] slow", "{the} [wifi|internet|connection|network] [speed|] [is|has become|got|keeps getting] [slow|sluggish|laggy|bad|terrible|poor]",
                               "[videos|movies|streams|youtube|netflix] [keep|keeps] buffering", "[web pages|pages|websites|sites] [load|open] [very|so|too|] slowly", "[pages|sites|websites] take [forever|ages|minutes|too long] to load", "[games|online games|video calls|calls] [lag|stutter|freeze]",
                               "downloads [are slow|crawl|take forever]", "{the} {wf} [crawls|lags|is crawling|is lagging]", "{the} connection is [slow|crawling|laggy]", "slow {wf}"],
                   "do": ["[speed up|improve|boost|increase] {the} [wifi|wi-fi|internet|network|connection] [speed|]", "make {the} {wf} [faster|quicker]", "fix [slow|laggy|sluggish] [wifi|wi-fi|internet]", "get [faster|better] [wifi|internet] [speed|]"],
                   "name": ["slow [wifi|wi-fi|internet|connection|network]", "slow wireless speed", "[wifi|internet] [lag|slowness|speed problem]"]},
        },
    ),
    Faq(
        "rename_wifi",
        {"zh": "修改无线网络名称", "en": "change the Wi-Fi name"},
        {
            "zh": ("在浏览器打开192.168.1.1并登录。", "进入“无线设置”页面。", "在“网络名称(SSID)”里输入新名称。", "点击保存，等待无线重启。", "在手机和电脑上连接新名称。"),
            "en": ("Open 192.168.1.1 in a browser and log in.", "Go to the wireless settings page.", "Type the new name into the network name (SSID) field.",
                   "Save and wait while the wireless restarts.", "Connect your devices to the new name."),
        },
        {
            "zh": {"do": ["[修改|更改|改|换|更换|变更|改变|重新起|设置]{w}{a}[名称|名字|名|SSID|ssid]", "[给|帮]{w}[改|换|起]个[新|别的|好听的|]名[字|]", "把{w}{a}[名字|名称|SSID|ssid][改掉|换掉|改一下|改成别的|改成我的名字|换一个]", "[改|修改|更改|换]SSID", "重命名{w}",
                            "[改|换|修改]{r}[显示的|发出的]{a}[{w}|无线][名字|名称]", "[自定义|设置][{w}|网络][名称|名字]"],
                   "whole": ["{w}[名字|名称]{how}[改|换|修改]", "想[换|改]个{w}名[字|]", "{w}[名字|名称][太难听|太土|不好听|和邻居一样]，想[改|换]", "SSID{how}[改|修改]"]},
            "en": {"do": ["[change|rename|edit|modify|set|update|alter] {the} [wifi|wi-fi|wireless|network|wifi network|wireless network] name", "[change|edit|modify|set] {the} SSID", "rename {the} {wf}", "rename {the} [wifi|wi-fi|wireless] network", "give {the} {wf} [a new|another|a different|a better] name", "[change|set] the name of {the} {wf}",
                            "call {the} {wf} something [else|different|new]", "[pick|choose|use] a [new|different] [name|ssid] for {the} {wf}", "change what {the} {wf} is called"],
                   "name": ["[wifi|wi-fi|network|ssid] name change", "[changing|renaming] {the} [ssid|wifi name|network name|wifi]", "a new [ssid|wifi name|network name]"]},
        },
    ),
    Faq(
        "change_wifi_password",
        {"zh": "修改无线密码", "en": "change the Wi-Fi password"},
        {
            "zh": ("在浏览器打开192.168.1.1并登录。", "进入“无线安全”页面。", "加密方式选WPA2或WPA3。", "输入至少12位的新无线密码。", "保存后，所有设备用新密码重新连接。"),
            "en": ("Open 192.168.1.1 in a browser and log in.", "Go to the wireless security page.", "Choose WPA2 or WPA3.", "Type a new Wi-Fi password of at least 12 characters.",
                   "Save, then connect every device again with the new password."),
        },
        {
            "zh": {"do": ["[修改|更改|改|换|更换|变更]{w}{a}密码", "[给|帮]{w}[改|换|设]个[新|别的|更安全的|复杂一点的|]密码", "把{w}{a}密码[改掉|换掉|改一下|改成别的|改复杂点|换一个]", "[改|换|修改]上网{a}密码", "[改|修改|更换][{w}|无线网]的[连接|接入]密码", "[给|为]{w}[加|设置|设]密码",
                            "防[止|]邻居蹭网[改密码|换密码]"],
                   "whole": ["{w}密码{how}[改|换|修改|更改]", "想[换|改]个{w}密码", "[邻居|别人|有人]知道[了|]我的{w}密码，[想换|怎么改|想改]", "{w}密码[太简单|泄露]了，[想换|怎么改|要改]"]},
            "en": {"do": ["[change|update|edit|modify|replace] {the} {wf} password", "[change|update] {the} [wifi|wi-fi|wireless|network] [password|key|passphrase|passcode|pass]", "set a [new|stronger|different|better|safer] [password|passphrase] [for|on] {the} {wf}", "put a [new|different] password on {the} {wf}", "change the password [of|for|on] {the} {wf}",
                            "[secure|protect] {the} {wf} with a [new|better|stronger] password", "pick a new wifi password", "give {the} {wf} a [new|stronger|different] password"],
                   "name": ["[wifi|wi-fi|wireless] password change", "changing {the} [wifi|wi-fi|wireless] [password|key]", "a new [wifi|wi-fi|wireless] password"],
                   "wrong": ["[the neighbours|my neighbour|someone|everybody] [know|knows] my [wifi|wi-fi] password"]},
        },
    ),
    Faq(
        "no_internet",
        {"zh": "解决连上无线却不能上网", "en": "fix a connection without internet"},
        {
            "zh": ("看光猫的信号灯是否正常。", "拔下光猫和路由器电源，30秒后先插光猫。", "检查光猫到路由器WAN口的网线。", "登录192.168.1.1，看宽带账号是否已拨号。",
                   "用另一台设备再试一次。", "仍然不行就联系运营商报修。"),
            "en": ("Look whether the signal light of the modem is on.", "Unplug modem and router, wait 30 seconds, start the modem first.", "Check the cable from the modem to the WAN port.",
                   "Log in at 192.168.1.1 and see if the line is connected.", "Try again with another device.", "If it still fails, report the fault to your provider."),
        },
        {
            "zh": {"wrong": ["[连上|连了|连着|连接了]{w}[但|却|可是|但是|就是|后|还是|][不能|没法|无法|没办法|上不了]上网", "[上不了|连不上|没法上|不能上|无法上]网", "[没|没有|断]网了", "{w}[显示|提示][无互联网|没有网络|无网络连接|已连接但无法访问互联网|不可上网]", "[家里|突然|]没[有|]网[络|]", "有信号[但|却|可是][没网|上不了网|不能用]", "{w}[连得上|已连接|满格][但|却|可是][没网|没有网|打不开网页|上不了网]",
                               "[手机|电脑|平板|电视][连上|连了]{w}[却|但|还是][没网|上不了网|打不开网页]", "[网页|网站|什么]都打不开", "网络[不通|不可用|断了|没反应]", "[互联网|网络]连接不上", "宽带[连不上|不通|没网]"],
                   "do": ["[解决|处理|修复][没网|上不了网|无法上网|断网|连不上网]的问题"]},
            "en": {"wrong": ["[there is|I have|we have|I've got] no internet", "{the} [wifi|wi-fi|phone|laptop|computer] is connected but [has no internet|there is no internet|nothing loads|I can't browse|no pages open]", "connected [to wifi|to the router|to the network|] but no internet", "{the} internet [is down|is dead|does not work|doesn't work|stopped working|is not working|is gone|went out]",
                               "[I|we] [cannot|can't|could not|am unable to] [get online|go online|access the internet|reach the internet|open any website|browse the web]", "it says [no internet|no internet access|connected without internet|no connection]", "no internet [access|connection|]", "nothing [loads|opens] [even though|although|while] [wifi|the wifi] [is connected|is on|shows full bars]",
                               "[websites|web pages|no websites] [won't|will not|don't] open", "{the} wifi [works|shows full signal] but [no|there's no] internet"],
                   "do": ["fix [no internet|the missing internet|internet not working|a dead internet connection]", "get back online", "get {the} internet [working|back|working again]"],
                   "name": ["no internet [access|connection|]", "wifi without internet", "internet not working", "internet outage"]},
        },
    ),
    Faq(
        "firmware_update",
        {"zh": "升级路由器固件", "en": "update the router firmware"},
        {
            "zh": ("用网线连接电脑和路由器。", "登录192.168.1.1，记下型号和当前版本。", "先备份现有配置。", "在“系统升级”里检查新版本，或从官网下载。", "开始升级，期间不要断电。", "重启后确认版本号已更新。"),
            "en": ("Connect the computer to the router by cable.", "Log in at 192.168.1.1 and note model and version.", "Back up the settings first.",
                   "Check for a new version under system upgrade, or download it from the maker.", "Start the update and do not cut the power.", "After the restart check that the version has changed."),
        },
        {
            "zh": {"do": ["[升级|更新|刷|刷新|手动升级|在线升级]{r}{a}[固件|系统|软件|版本|firmware]", "[给|帮]{r}[升级|更新|刷][一下|][固件|系统|版本|软件|新固件]", "把{r}[固件|系统|版本][升级|更新|升][到|成|为]最新[版|版本|]", "[升级|更新]固件", "[安装|下载|装]{r}[新|最新]{a}固件", "[检查|查看]{r}有没有[新固件|新版本|固件更新]", "{r}[升级|更新|系统升级|固件升级|固件更新]"],
                   "whole": ["{r}固件{how}[升级|更新|刷]", "{r}[系统|版本|固件][太旧|太老|过期]了[，怎么升级|，想更新|，怎么办|]", "{r}提示有新[版本|固件]"]},
            "en": {"do": ["[update|upgrade|flash|refresh] {the} {rt} [firmware|software|system]", "[update|upgrade|flash] the firmware [of|on|for] {the} {rt}", "install [new|the latest|newer|the newest] firmware [on|for] {the} {rt}", "[get|bring] {the} {rt} to the [latest|newest] [version|firmware]", "[update|upgrade] {the} {rt}", "check [for|if there are|whether there are] {rt} [firmware|] updates",
                            "get the [latest|newest] [firmware|software] [on|for] {the} {rt}", "do a firmware [update|upgrade]"],
                   "name": ["{rt} firmware [update|upgrade]", "firmware [update|upgrade|version]", "[updating|upgrading|flashing] {the} [router|firmware|router firmware]", "{rt} [software|system] update"],
                   "wrong": ["{the} {rt} firmware is [old|outdated|out of date|ancient]", "{the} {rt} [says|tells me] [there is|it has] a new [version|firmware]"]},
        },
    ),
    Faq(
        "guest_network",
        {"zh": "设置访客网络", "en": "set up a guest network"},
        {
            "zh": ("在浏览器打开192.168.1.1并登录。", "打开“访客网络”开关。", "设置访客网络的名称和密码。", "关闭“允许访问内网”。", "按需要限制网速和时长，然后保存。"),
            "en": ("Open 192.168.1.1 in a browser and log in.", "Switch the guest network on.", "Give the guest network a name and a password.", "Forbid guests to reach your own devices.",
                   "Limit speed and time if you like, then save."),
        },
        {
            "zh": {"do": ["[设置|开启|打开|开通|建|创建|建立|开|弄|启用|配置][一个|个|]{g}", "给[客人|访客|朋友|来宾|亲戚|顾客|租客][单独|另外|][开|设|弄|建|设置][一个|个][{w}|无线|网络|网]", "让[客人|访客|朋友|来宾|顾客][能上网|用网|连网][但|却|又|而]不能[看到|访问][我的|内网|家里的][设备|文件|电脑]", "[为|给][店里|公司|家里][的|]客人[准备|提供|开][单独的|][{w}|无线]", "[不给|不告诉][客人|朋友]主{w}密码[也|又]能让他们上网"],
                   "whole": ["{g}{how}[设置|开启|打开|弄|开]", "[朋友|客人|亲戚]来[家里|做客|玩][，|]想[给他们|让他们][用{w}|单独上网|连个单独的网]"]},
            "en": {"do": ["[set up|create|enable|turn on|make|activate|add|configure|open] a [guest|visitor|visitors'] [network|wifi|wi-fi|wlan]", "[set up|enable|turn on|create] [guest|visitor] [wifi|access|wi-fi|mode]", "[give|offer] [guests|visitors|friends|customers|clients] [their own|separate|a separate] [wifi|internet|network|access]", "let [guests|visitors|friends|customers] [online|use the internet|use the wifi] [without|but not] [seeing|reaching|touching] my [devices|files|computers|network]",
                            "have a [separate|second] [network|wifi] for [guests|visitors|customers|friends]", "share [wifi|internet] with [guests|visitors|friends] [safely|without giving my password]", "keep [guests|visitors] off my main [network|wifi]"],
                   "name": ["guest [network|wifi|wi-fi|access|network setup]", "[wifi|wi-fi] for [guests|visitors|customers]", "visitor [network|wifi]"]},
        },
    ),
    Faq(
        "parental_control",
        {"zh": "设置家长控制", "en": "set up parental controls"},
        {
            "zh": ("登录192.168.1.1，打开“家长控制”。", "选择孩子使用的设备。", "设置每天允许上网的时间段。", "添加要屏蔽的网站。", "保存，并用孩子的设备验证。"),
            "en": ("Log in at 192.168.1.1 and open parental controls.", "Select the devices of your child.", "Set the hours when they may be online.", "Add the websites to block.",
                   "Save and test it on the child's device."),
        },
        {
            "zh": {"do": ["[设置|开启|打开|启用|使用|用]{r}{a}[家长控制|儿童上网保护|家长模式|儿童模式|上网管控]", "[限制|控制|管理|管住|管][孩子|小孩|儿子|女儿|小朋友|学生|娃]{a}上网[时间|时长|]", "[不让|禁止|阻止|防止]{k}[晚上|半夜|上课时|整天|一直][上网|玩手机|玩游戏|刷视频]", "[给|帮]{k}[设置|设][上网时间|上网限制|时间限制]", "[屏蔽|禁止|拦截]{k}[看|上|访问][的|][不良|游戏|视频|某些|短视频][网站|内容]", "让{k}[只能|每天只能]上[一|两]小时网", "[晚上|到点|定时][自动|]断{k}的网",
                            "[设置|开启|打开][家长控制|儿童保护]"],
                   "wrong": ["{k}[整天|天天|老是|总是|半夜|一直][上网|玩手机|打游戏|玩游戏|刷视频]"],
                   "whole": ["家长控制{how}[设置|开|打开|用]", "{k}[沉迷|迷上][游戏|网络|手机|短视频][，怎么限制|，想限制上网|，怎么管|]"]},
            "en": {"do": ["[set up|enable|turn on|use|configure|activate] parental [controls|control]", "[limit|restrict|control|manage|reduce] {kid} [internet|screen|online] [time|use|access|hours]", "[block|filter|ban] [websites|sites|bad sites|adult content|games|youtube|tiktok] for {kid2}", "[stop|keep|prevent] {kid2} [from|] [going online|surfing|playing online games|using the internet] [at night|after bedtime|all day|too long]",
                            "[cut|turn off|switch off] the internet for {kid2} [at night|at bedtime|after nine]", "[protect|guard] {kid2} [online|on the internet|from bad websites]", "set [internet|time|online] [limits|hours|rules] for {kid2}"],
                   "name": ["parental [controls|control|control setup|lock]", "[internet|screen] time limits for {kid2}", "child [protection|safety] [on the router|settings]"],
                   "wrong": ["{kid2} [is|are] online [all night|all day|too much|the whole day]", "{kid2} [play|plays] online games all [night|day]"]},
        },
    ),
    Faq(
        "port_forwarding",
        {"zh": "设置端口转发", "en": "set up port forwarding"},
        {
            "zh": ("给目标设备设置固定的内网IP。", "登录192.168.1.1，打开“端口转发”或“虚拟服务器”。", "新建规则，填写外部端口和内部端口。", "填写目标设备的IP，协议选TCP或UDP。", "保存，并从外网测试端口。"),
            "en": ("Give the target device a fixed local IP.", "Log in at 192.168.1.1 and open port forwarding or virtual server.", "Add a rule with the external and the internal port.",
                   "Enter the IP of the device and choose TCP or UDP.", "Save and test the port from outside."),
        },
        {
            "zh": {"do": ["[设置|配置|做|开|添加|弄|开启]{r}{a}[端口转发|端口映射|虚拟服务器]", "[设置|配置|做|添加|弄][一个|个|][端口转发|端口映射|虚拟服务器][规则|]", "[开放|打开|映射|转发]{r}{a}[80|8080|22|25565|3389|一个|]端口", "[从|让|在][外网|外面|公网|公司][能|可以|][访问|连][家里的|内网的|我的][服务器|NAS|电脑|网站|主机]", "把[外网|公网]端口[转发|映射]到[内网|电脑|NAS|服务器]", "{r}[端口映射|端口转发]", "让[外面的朋友|外网的人]连我的[游戏服务器|服务器]"],
                   "whole": ["[端口转发|端口映射|虚拟服务器]{how}[设置|配置|做|弄]", "[家里的|我的][NAS|服务器]在外[网|面][访问不了|打不开|连不上]，[怎么映射|要开端口|怎么开端口]"]},
            "en": {"do": ["[set up|configure|do|add|enable|create|make] [port forwarding|a port forward|a port forwarding rule|port mapping]", "[forward|open|map|expose] [a port|port 80|port 22|port 8080|port 25565|ports|some ports|a TCP port] [on|in|through] {the} {rt}", "[reach|access|connect to] my [server|NAS|home server|game server|computer] from [outside|the internet|work|anywhere]", "[host|run] a [game|minecraft|web] server [at home|behind my router]",
                            "[forward|map] [traffic|a port] to [my server|my pc|a device|my NAS]", "set up a virtual server on {the} {rt}", "make my [server|NAS|website|game server] [reachable|visible|accessible] from [outside|the internet]"],
                   "name": ["port [forwarding|mapping|forward]", "[router|] port forwarding [rule|setup]", "opening [ports|a port] on {the} router"]},
        },
    ),
)  # fmt: skip
