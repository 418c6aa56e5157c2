// The words of TSVLC's rules.
#include "negatives/detail_svlc_words.h"

namespace fsc::detail {
namespace {

// One string a kind, words separated by commas; sorted, each once. Three slips of the pen in the original lists are mended:
// "bamboo" had a blank behind it, "parrot" and "afternoon" were one word, and so were "plastic" and "army".
constexpr std::string_view kWords[] = {
    // colours
    "amber,beige,black,blond,blue,bronze,brown,burgundy,charcoal,clay,concrete,coral,cream,cyan,gold,gray,green,maroon,"
    "mauve,navy,olive,orange,peach,pink,purple,red,ruby,rust,silver,tan,teal,violet,white,yellow",
    // relations and actions
    "above,across,against,along,attached to,behind,belonging to,between,carrying,covered in,covering,eating,flying in,for,"
    "from,growing on,hanging from,has,holding,in,in front of,laying on,looking at,lying on,made of,mounted on,near,of,on,"
    "on back of,over,painted on,parked on,part of,playing,riding,says,sitting on,standing on,under,using,walking in,"
    "walking on,watching,wearing,wears,with",
    // sizes
    "beefy,big,bony,boundless,brawny,broad,bulky,chunky,colossal,compact,cosmic,cubby,curvy,elfin,emaciated,endless,"
    "enormous,epic,expansive,extended,extensive,fat,fleshy,full-size,gargantuan,gaunt,giant,gigantic,grand,great,heavy,"
    "hefty,huge,hulking,illimitable,immeasurable,immense,infinitesimal,lanky,large,lean,life-size,light,limitless,little,"
    "long,mammoth,massive,meager,measly,microscopic,mini,miniature,minuscule,minute,narrow,obese,old,outsized,oversize,"
    "overweight,paltry,petite,pint-size,plump,pocket-size,portly,pudgy,puny,rotund,scanty,scraggy,scrawny,short,sizable,"
    "skeletal,skimpy,skinny,slender,slim,small,squat,stocky,stout,strapping,sturdy,tall,teensy,teeny,thick,thickset,thin,"
    "tiny,titanic,towering,trifling,trim,tubby,undersized,underweight,unlimited,vast,wee,wide",
    // states
    "able,adult,bad,big,broken,burnt,calm,cloudless,curly,different,dirty,dry,dust,early,few,first,flip,foggy,fresh,good,"
    "great,high,important,large,last,little,long,new,next,old,other,overcast,own,pale,public,right,rough,sad,same,small,"
    "stained,stormy,sunny,tinted,unhappy,wet,white,young",
    // materials
    "alloy,aluminum,asbestos,ash,bamboo,brass,brick,bronze,carbon dioxide,cardboard,cement,chalk,charcoal,clay,cloth,coal,"
    "copper,cotton,denim,dust,fiberglass,gas,glass,gold,helium,hydrogen,ice,iron,lace,lead,leather,linen,magnesium,"
    "man-made fibers,marble,mercury,metal,mortar,mud,nickel,nitrogen,nylon,oil,oxygen,paper,paraffin,petrol,plaster,"
    "plastic,platinum,polyester,rubber,sand,silk,silver,slate,smoke,smooth,soil,steam,steel,stone,straw,tin,uranium,water,"
    "wicker,wood,wooden,wool,zinc",
    // nouns
    "actor,advertisement,afternoon,airport,ambulance,animal,answer,apple,army,australia,balloon,banana,battery,beach,beard,"
    "bed,belgium,boy,branch,breakfast,brother,camera,candle,car,caravan,carpet,cartoon,china,church,crayon,crowd,daughter,"
    "death,denmark,diamond,dinner,disease,doctor,dog,dream,dress,easter,egg,eggplant,egypt,elephant,energy,engine,england,"
    "evening,eye,family,finland,fish,flag,flower,football,forest,fountain,france,furniture,garage,garden,gas,ghost,girl,"
    "glass,gold,grass,greece,guitar,hair,hamburger,helicopter,helmet,holiday,honey,horse,hospital,house,hydrogen,ice,"
    "insect,insurance,iron,island,jackal,jelly,jewellery,jordan,juice,kangaroo,king,kitchen,kite,knife,lamp,lawyer,leather,"
    "library,lighter,lion,lizard,lock,london,lunch,machine,magazine,magician,manchester,market,match,microphone,monkey,"
    "morning,motorcycle,nail,napkin,needle,nest,nigeria,night,notebook,ocean,oil,orange,oxygen,oyster,painting,parrot,"
    "pencil,piano,pillow,pizza,planet,plastic,portugal,potato,queen,quill,rain,rainbow,raincoat,refrigerator,restaurant,"
    "river,rocket,room,rose,russia,sandwich,school,scooter,shampoo,shoe,soccer,spoon,stone,sugar,sweden,teacher,telephone,"
    "television,tent,thailand,tomato,toothbrush,traffic,train,truck,uganda,umbrella,van,vase,vegetable,vulture,wall,whale,"
    "window,wire,xylophone,yacht,yak,zebra,zoo",
    // numbers
    "five,four,one,three,two",
    // numbers with a capital
    "Five,Four,One,Three,Two",
};

std::vector<std::string_view> split(std::string_view words) {
  std::vector<std::string_view> list;
  for (size_t comma; (comma = words.find(',')) != words.npos; words.remove_prefix(comma + 1))
    list.push_back(words.substr(0, comma));
  list.push_back(words);
  return list;
}

}  // namespace

const std::vector<std::vector<std::string_view>>& svlc_words() {
  static const auto kLists = [] {
    std::vector<std::vector<std::string_view>> lists;
    for (const auto words : kWords) lists.push_back(split(words));
    return lists;
  }();
  return kLists;
}

}  // namespace fsc::detail
